import { randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { id } from '../dto/field-rules.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { flag, list, oneOf, wholeNumber } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { encodeToken, type TokenClaims, type TokenPrivilege } from '../tokens/client-token.js';

/** A request for a login token. */
export interface LoginTokenRequest {
  /** The user's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly userId: string;
  /** Lifetime of the token in seconds: 1–604,800 (7 days). The vendor recommends one day at most. */
  readonly expiresInSeconds: number;
}

/** A request for a token that lets a user join one room, or every room. */
export type JoinTokenRequest = LoginTokenRequest & {
  /** The user's privileges in the room. Default `['subscribe']`. */
  readonly privileges?: readonly TokenPrivilege[] | undefined;
} & (
    | {
        /** The room's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
        readonly roomId: string;
        /** Whether the token is for every room. Default false. */
        readonly anyRoom?: false | undefined;
      }
    | {
        /** Must not be set together with `anyRoom`. */
        readonly roomId?: undefined;
        /** Makes the token valid for every room of the app. */
        readonly anyRoom: true;
      }
  );

const LOGIN_TOKEN = {
  userId: { rule: id, required: true },
  // 7 days. BytePlus refuses a longer lifetime.
  expiresInSeconds: { rule: wholeNumber(1, 604_800, 'a whole number of seconds'), required: true },
} as const;

const JOIN_TOKEN = {
  ...LOGIN_TOKEN,
  roomId: id,
  anyRoom: flag,
  privileges: { rule: list('privileges', oneOf('publish', 'subscribe')), default: ['subscribe'] },
} as const;

const hidden = new HiddenParts<RtcMessagingSettings>();

/** Issues tokens, with which clients join rooms and log in. They are signed with the app key. Nothing is requested. */
@Injectable()
export class RtcTokenService {
  constructor(@Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings) {
    hidden.set(this, settings);
  }

  /**
   * Issues a token with which a client joins a room (`joinRoom`). It grants `subscribe` unless `privileges` is set. All
   * privileges expire with the token.
   *
   * @throws RtcValidationError when the request violates a rule
   * @throws RtcConfigError when the module has no `appKey`
   * @see https://www.volcengine.com/docs/6348/70121
   */
  issueJoinToken(request: JoinTokenRequest): string {
    const { roomId, anyRoom = false, ...claims } = checkCallOptions(JOIN_TOKEN, request, '');
    if (anyRoom === (roomId !== undefined)) {
      throw new RtcValidationError([{ path: 'roomId', message: 'is needed, or else anyRoom: true' }]);
    }
    return issue(hidden.of(this), { ...claims, roomId: roomId ?? '*' });
  }

  /**
   * Issues a token with which a client logs in (`login`). A logged-in client receives messages outside rooms, and can
   * send messages to the business server. It throws the errors of {@link issueJoinToken}.
   */
  issueLoginToken(request: LoginTokenRequest): string {
    const claims = checkCallOptions(LOGIN_TOKEN, request, '');
    return issue(hidden.of(this), { ...claims, roomId: '', privileges: [] });
  }
}

function issue(
  { appId, appKey }: RtcMessagingSettings,
  { expiresInSeconds, ...claims }: LoginTokenRequest & Pick<TokenClaims, 'roomId' | 'privileges'>,
): string {
  if (appKey === undefined) {
    const message = 'is missing; tokens need it';
    throw new RtcConfigError([{ option: 'appKey', variable: 'RTC_APP_KEY', message }]);
  }
  const issuedAt = Math.floor(Date.now() / 1_000);
  const times = { issuedAt, expireAt: issuedAt + expiresInSeconds };
  return encodeToken(appId, appKey.open(), { ...claims, ...times, nonce: randomInt(2 ** 32) });
}
