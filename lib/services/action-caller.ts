import type { RtcMessagingSettings } from '../config/settings.js';
import { type CheckedRequest, checkRequest } from '../dto/check-request.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RequestBody } from '../openapi/request-body.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import type { Sender } from '../retry/sender.js';
import { callLimits, SEND_OPTIONS, type SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';
import { toWireMessage } from './wire-message.js';

/** Of a call that is given none: nothing is to be checked. */
const NO_OPTIONS = checkCallOptions(SEND_OPTIONS, {});

/** The one way from a service's method to the sender, for all actions. */
export class ActionCaller {
  // Private to the language, so that printing a service does not print its sockets' requests.
  readonly #settings: RtcMessagingSettings;
  readonly #sender: Pick<Sender, 'send'>;

  constructor(settings: RtcMessagingSettings, sender: Pick<Sender, 'send'>) {
    this.#settings = settings;
    this.#sender = sender;
  }

  /**
   * Checks a request of any type, and sends it with one call.
   * @throws RtcValidationError when it breaks a rule, and the sender's errors
   */
  async call(
    action: RtcActionName,
    request: unknown,
    options: SendOptions | undefined,
  ): Promise<SendReceipt> {
    const checked = checkRequest(action, request);
    const given = options === undefined ? NO_OPTIONS : checkCallOptions(SEND_OPTIONS, options);
    const to = Array.isArray(checked.to) ? [...new Set(checked.to)] : checked.to;
    const { requestId, attempts, possibleDuplicate } = await this.#sender.send(
      action,
      RequestBody.of(this.wireBody({ ...checked, to })),
      { ...callLimits(this.#settings, given), roomId: checked.roomId },
      { signal: given.signal, stop: undefined, fanOut: undefined },
    );
    const recipients = Array.isArray(to) ? to.length : to === undefined ? 0 : 1;
    return { outcome: 'accepted', action, requestId, recipients, attempts, possibleDuplicate };
  }

  /** A checked request in the remote API's form. Fields that it does not have are not sent. */
  wireBody({ roomId, to, from, message, binary }: CheckedRequest): Readonly<Record<string, unknown>> {
    return {
      AppId: this.#settings.appId,
      RoomId: roomId,
      From: from ?? this.#defaultFrom(),
      To: to,
      ...toWireMessage(message, binary),
    };
  }

  #defaultFrom(): string {
    if (this.#settings.from !== undefined) return this.#settings.from;
    throw new RtcValidationError([
      { path: 'from', message: "is missing; name it in the request or set the module's from (RTC_FROM)" },
    ]);
  }
}
