import { randomInt } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DEFAULT_MODULE_NAME } from '../config/registration.js';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { Sender } from '../retry/sender.js';
import { encodeToken, PRIVILEGES, type TokenPrivilege } from '../tokens/client-token.js';
import {
  checkJoinToken,
  type JoinTokenRequest,
  LOGIN_TOKEN,
  type LoginTokenRequest,
} from '../tokens/token-request.js';

interface IssuingParts {
  readonly settings: RtcMessagingSettings;
  readonly clock: Pick<DateConstructor, 'now'>;
}

const hidden = new HiddenParts<IssuingParts>();
const NONCES = 2 ** 32;

/** Issues tokens, with which clients join rooms and log in. They are signed with the app key. Nothing is requested. */
@Injectable()
export class RtcTokenService {
  constructor(
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
    @Inject(Sender) clock: Pick<DateConstructor, 'now'> = Date,
  ) {
    hidden.set(this, { settings, clock });
  }

  /**
   * Issues a token with which a client joins a room (`joinRoom`). It grants `subscribe` unless `privileges` is set. All
   * privileges expire with the token. Its times are corrected by the clock skew that earlier answers of the service
   * have shown, see `docs/tokens.md`.
   *
   * @throws RtcValidationError when the request violates a rule
   * @throws RtcConfigError when the module has no `appKey`
   * @see https://www.volcengine.com/docs/6348/70121
   */
  issueJoinToken(request: JoinTokenRequest): string {
    const { privileges, ...claims } = checkJoinToken(request);
    return issue(hidden.of(this), claims, privileges);
  }

  /**
   * Issues a token with which a client logs in (`login`). A logged-in client receives messages outside rooms, and can
   * send messages to the business server. It throws the errors of {@link issueJoinToken}.
   */
  issueLoginToken(request: LoginTokenRequest): string {
    return issue(hidden.of(this), { ...checkCallOptions(LOGIN_TOKEN, request, ''), roomId: '' }, []);
  }
}

function issue(
  { settings: { appId, appKey, name }, clock }: IssuingParts,
  { userId, roomId, expiresInSeconds }: LoginTokenRequest & { readonly roomId: string },
  privileges: readonly TokenPrivilege[],
): string {
  if (appKey === undefined) {
    const problem = { option: 'appKey', variable: 'RTC_APP_KEY', message: 'is missing; tokens need it' };
    throw new RtcConfigError([problem], undefined, name === DEFAULT_MODULE_NAME ? undefined : name);
  }
  const issuedAt = Math.floor(clock.now() / 1_000);
  const expireAt = issuedAt + expiresInSeconds;
  const numbers = privileges.flatMap((privilege) => PRIVILEGES[privilege]);
  return encodeToken(appId, appKey.open(), {
    nonce: randomInt(NONCES),
    issuedAt,
    expireAt,
    roomId,
    userId,
    privileges: new Map(numbers.map((number) => [number, expireAt])),
  });
}
