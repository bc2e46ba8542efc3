import { Inject, Injectable } from '@nestjs/common';
import { injectBy, tokenOf } from '../config/named-tokens.js';
import { idProblem } from '../dto/field-rules.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { typeName, unless, wholeNumber } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { CALLBACK_OPTIONS, type CallbackSettings } from './callback-settings.js';
import {
  type ClientSignatureClaims,
  decodeClientSignature,
  encodeClientSignature,
} from './client-signature.js';
import { CALLBACK_SETTINGS } from './tokens.js';

/** Who a signature is for, and how long. */
export interface ClientSignatureRequest {
  /** The user's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly userId: string;
  /** The ID of a room, if the handler is to know for which room it was issued. */
  readonly roomId?: string | undefined;
  /** How long it is good for, in seconds: 1–86,400 (24 hours). */
  readonly expiresInSeconds: number;
}

const MAX_SECONDS = 86_400;

const REQUEST = {
  userId: { rule: unless<string>(idProblem), required: true },
  roomId: unless<string>(idProblem),
  expiresInSeconds: { rule: wholeNumber(1, MAX_SECONDS, 'a whole number of seconds'), required: true },
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
   * @throws RtcConfigError when the module has no `clientMessages.secrets`
   */
  issue(request: ClientSignatureRequest): string {
    const { userId, roomId, expiresInSeconds } = checkCallOptions(REQUEST, request, '');
    const { appId, secrets } = keysOf(hidden.of(this));
    const expiresAt = new Date(Date.now() + expiresInSeconds * 1_000);
    const room = roomId === undefined ? {} : { issuedForRoom: roomId };
    return encodeClientSignature({ userId, ...room, expiresAt }, appId, secrets[0] ?? '');
  }

  /**
   * Checks a signature, whatever its type.
   * @throws RtcValidationError when it was not issued here, or has expired
   * @throws RtcConfigError when the module has no `clientMessages.secrets`
   */
  verify(signature: string): ClientSignatureClaims {
    const { appId, secrets } = keysOf(hidden.of(this));
    const claims =
      typeof signature === 'string'
        ? decodeClientSignature(signature, appId, secrets, Date.now())
        : `must be a string, got ${typeName(signature)}`;
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

function keysOf({ appId, clientMessages, name }: CallbackSettings) {
  if (clientMessages.secrets !== undefined) return { appId, secrets: clientMessages.secrets.open() };
  const { variable } = CALLBACK_OPTIONS.clientMessages.options.secrets;
  const option = 'RtcCallbackModule.clientMessages.secrets';
  throw new RtcConfigError([{ option, variable, message: 'is missing' }], undefined, name);
}
