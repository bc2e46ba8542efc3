import { createHmac } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import { idProblem } from '../dto/field-rules.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { unless, wholeNumber } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { isSameText } from '../privacy/same-text.js';
import { CALLBACK_SETTINGS, type CallbackSettings } from './callback-settings.js';

/** Whom a signature is for, and how long. */
export interface ClientSignatureRequest {
  /** The user's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly userId: string;
  /** The ID of a room, if the handler is to know for which room it was issued. */
  readonly roomId?: string | undefined;
  /** How long it is good for, in seconds: 1–86,400 (24 hours). */
  readonly expiresInSeconds: number;
}

/** What a signature says. */
export interface ClientSignatureClaims {
  /** Whom the signature was issued to. */
  readonly userId: string;
  /** The room that it was issued for, if any. It does not prove that the user is there. */
  readonly issuedForRoom?: string;
  /** From when on it is refused. */
  readonly expiresAt: Date;
}

/** Keeps a signature of another purpose, made with the same secret, from being taken for one of these. */
const PURPOSE = 'nestjs-rtc-messaging/client-message/1';

/** Claims and their HMAC. Anything longer is not worth the HMACs. */
const FORM = /^([\w-]{1,2048})\.([\w-]{43})$/;

const REQUEST = {
  userId: { rule: unless<string>(idProblem), required: true },
  roomId: unless<string>(idProblem),
  expiresInSeconds: { rule: wholeNumber(1, 86_400, 'a whole number of seconds'), required: true },
} as const;

const hidden = new HiddenParts<CallbackSettings>();

/**
 * Issues what a client passes to `setServerParams`, and checks what comes back with its messages. It proves who was
 * issued it, and no more: its holder can post messages without the service, and from outside any room.
 */
@Injectable()
export class ClientSignatureService {
  constructor(@Inject(CALLBACK_SETTINGS) settings: CallbackSettings) {
    hidden.set(this, settings);
  }

  /**
   * Issues a signature. Send it to the client whose user you have authenticated, and to no one else.
   * @throws RtcValidationError when the request breaks a rule
   * @throws RtcConfigError when the module has no `clientMessages`
   */
  issue(request: ClientSignatureRequest): string {
    const { userId, roomId, expiresInSeconds } = checkCallOptions(REQUEST, request, '');
    const expiresAt = new Date(Date.now() + expiresInSeconds * 1_000);
    const claims = Buffer.from(JSON.stringify({ userId, issuedForRoom: roomId, expiresAt }));
    const payload = claims.toString('base64url');
    return `${payload}.${macsOf(payload, hidden.of(this))[0]}`;
  }

  /**
   * Checks a signature.
   * @throws RtcValidationError when it was not issued here, or has expired
   * @throws RtcConfigError when the module has no `clientMessages`
   */
  verify(signature: string): ClientSignatureClaims {
    const claims = readClientSignature(signature, hidden.of(this));
    if (typeof claims !== 'string') return claims;
    throw new RtcValidationError([{ path: 'signature', message: claims }]);
  }
}

/**
 * The injection token of a {@link ClientSignatureService}: the class, or that of the module with this `name`.
 * `undefined` is no name, so that it gives the class.
 */
export const getClientSignatureToken = tokenOf(ClientSignatureService, 'client-signature');

/** Injects the {@link ClientSignatureService} of the module with this `name`; without one, as by its class. */
export const InjectClientSignature = injectBy(getClientSignatureToken);

/** Returns what is wrong with a signature, if anything is. */
export function readClientSignature(
  signature: unknown,
  settings: CallbackSettings,
): ClientSignatureClaims | string {
  const [, payload = '', given = ''] = (typeof signature === 'string' && FORM.exec(signature)) || [];
  // All secrets are tried, so that the time depends on none.
  const isSigned = payload !== '' && macsOf(payload, settings).map((mac) => isSameText(mac, given));
  if (!isSigned || !isSigned.includes(true)) return 'was not issued here';
  // It is ours, and so it has this form.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as ClientSignatureClaims;
  const expiresAt = new Date(claims.expiresAt);
  return Date.now() < expiresAt.getTime() ? { ...claims, expiresAt } : 'has expired';
}

/** The HMAC by each secret. The first one signs. */
function macsOf(payload: string, { appId, clientMessages, name }: CallbackSettings): string[] {
  if (clientMessages === undefined) {
    const problem = { option: 'RtcCallbackModule.clientMessages', message: 'is missing; signatures need it' };
    throw new RtcConfigError([problem], undefined, name);
  }
  const signed = [PURPOSE, appId, payload].join('\n');
  const secrets = clientMessages.secrets.open();
  return secrets.map((secret) => createHmac('sha256', secret).update(signed).digest('base64url'));
}
