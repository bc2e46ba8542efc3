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

/** Issues the tokens with which clients join rooms and log in. It asks no one: a token is a signature by the app key. */
@Injectable()
export class RtcTokenService {
  constructor(
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
    @Inject(Sender) clock: Pick<DateConstructor, 'now'> = Date,
  ) {
    hidden.set(this, { settings, clock });
  }

  /**
   * A token with which a client joins a room (`joinRoom`). It allows to subscribe, unless `privileges` says otherwise,
   * and all that it allows ends with it. Its times are of the service's clock, as far as this machine's is known to be
   * off, see `docs/tokens.md`.
   *
   * @throws RtcValidationError when the request breaks a rule
   * @throws RtcConfigError when the module has no `appKey`
   * @see https://www.volcengine.com/docs/6348/70121
   */
  issueJoinToken(request: JoinTokenRequest): string {
    const { privileges, ...claims } = checkJoinToken(request);
    return issue(hidden.of(this), claims, privileges);
  }

  /**
   * A token with which a client logs in (`login`), to be sent messages outside rooms and to send some to the business
   * server. Errors as {@link issueJoinToken} has them.
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
