import type { RtcMessagingSettings } from '../config/settings.js';
import { type CheckedRequest, checkRequest } from '../dto/check-request.js';
import { distinctIds } from '../dto/distinct-ids.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RequestBody } from '../openapi/request-body.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import type { Sender } from '../retry/sender.js';
import { callPlan, SEND_OPTIONS, type SendOptions } from './send-options.js';
import type { BroadcastReceipt, SendReceipt } from './send-receipt.js';
import { toWireMessage } from './wire-message.js';

/** For calls without options: checked once. */
const NO_OPTIONS = checkCallOptions(SEND_OPTIONS, {});

/** Passes calls of all services to the sender. */
export class ActionCaller {
  // A private field: printing a service must not print the requests of its sockets.
  readonly #settings: RtcMessagingSettings;
  readonly #sender: Pick<Sender, 'send'>;

  constructor(settings: RtcMessagingSettings, sender: Pick<Sender, 'send'>) {
    this.#settings = settings;
    this.#sender = sender;
  }

  /**
   * Checks a request of any type, and sends it with one call.
   * @throws RtcValidationError when it violates a rule, and the sender's errors
   */
  call(
    action: 'SendBroadcast',
    request: unknown,
    options: SendOptions | undefined,
  ): Promise<BroadcastReceipt>;
  call(action: RtcActionName, request: unknown, options: SendOptions | undefined): Promise<SendReceipt>;
  async call(
    action: RtcActionName,
    request: unknown,
    options: SendOptions | undefined,
  ): Promise<BroadcastReceipt> {
    const checked = checkRequest(action, request);
    const given = options === undefined ? NO_OPTIONS : checkCallOptions(SEND_OPTIONS, options);
    const { roomId, to } = checked;
    const body = RequestBody.of(this.wireFields(checked), typeof to === 'object' ? distinctIds(to) : to);
    const plan = callPlan(this.#settings, given, roomId);
    const { requestId, attempts, possibleDuplicate } = await this.#sender.send(action, body, plan);
    const { recipients } = body;
    return {
      outcome: 'accepted',
      action,
      requestId,
      ...(recipients !== undefined && { recipients }),
      attempts,
      possibleDuplicate,
    };
  }

  /** A checked request in the remote API's form, without its recipients. Unset fields are not sent. */
  wireFields({ roomId, from, message, binary }: CheckedRequest): Readonly<Record<string, unknown>> {
    const { Binary, Message } = toWireMessage(message, binary);
    return {
      AppId: this.#settings.appId,
      RoomId: roomId,
      From: from ?? this.#defaultFrom(),
      Binary,
      Message,
    };
  }

  #defaultFrom(): string {
    if (this.#settings.from !== undefined) return this.#settings.from;
    throw new RtcValidationError([
      { path: 'from', message: "is missing; name it in the request or set the module's from (RTC_FROM)" },
    ]);
  }
}
