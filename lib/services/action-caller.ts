import { randomBytes } from 'node:crypto';
import type { RtcMessagingSettings } from '../config/settings.js';
import { type CheckedRequest, checkRequest } from '../dto/check-request.js';
import { distinctIds } from '../dto/distinct-ids.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { RequestBody } from '../openapi/request-body.js';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import type { CallPlan } from '../retry/send-call.js';
import type { AcceptedCall, Sender } from '../retry/sender.js';
import { frameMessage } from './frame-message.js';
import type { ReceiptTracker, TrackedRequest } from './receipt-tracker.js';
import { callPlan, SEND_OPTIONS, type SendOptions } from './send-options.js';
import type { BroadcastReceipt, SendReceipt } from './send-receipt.js';
import { toWireMessage, type WireMessage } from './wire-message.js';

/** For calls without options: checked once. */
const NO_OPTIONS = checkCallOptions(SEND_OPTIONS, {});

/** A request in the remote API's form. */
export interface WireRequest {
  readonly roomId: string | undefined;
  /** The fields of the body before its recipients. Unset ones are not sent. */
  readonly address: Readonly<Record<string, unknown>>;
  /** The fields after them. */
  readonly message: WireMessage;
  /** With `receipt` or `once`. */
  readonly messageId: string | undefined;
  readonly isReceiptWanted: boolean;
}

/** Passes calls of all services to the sender. */
export class ActionCaller {
  // A private field: printing a service must not print the requests of its sockets.
  readonly #settings: RtcMessagingSettings;
  readonly #sender: Pick<Sender, 'send'>;
  readonly #receipts: ReceiptTracker | undefined;

  constructor(settings: RtcMessagingSettings, sender: Pick<Sender, 'send'>, receipts?: ReceiptTracker) {
    this.#settings = settings;
    this.#sender = sender;
    this.#receipts = receipts;
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
    const to = typeof checked.to === 'object' ? distinctIds(checked.to) : checked.to;
    const wire = this.prepare(action, checked, given);
    const body = RequestBody.of(wire.address, to, wire.message);
    const plan = callPlan(this.#settings, given, wire.roomId);
    const { requestId, attempts, possibleDuplicate, messageId } = await this.send(
      wire,
      [to ?? []].flat(),
      plan,
      (tracked) => this.#sender.send(action, body, tracked),
    );
    const { recipients } = body;
    return {
      outcome: 'accepted',
      action,
      requestId,
      ...(recipients !== undefined && { recipients }),
      attempts,
      possibleDuplicate,
      ...(messageId !== undefined && { messageId }),
    };
  }

  /**
   * A checked request in the remote API's form, with the prefix for receivers where the options ask for it.
   * @throws RtcValidationError when it can't have a receipt, or is too large with the prefix
   */
  prepare(
    action: RtcActionName,
    request: CheckedRequest,
    { receipt = false, once = false }: Pick<SendOptions, 'receipt' | 'once'>,
  ): WireRequest {
    const { roomId } = request;
    this.checkReceipt(action, { receipt });
    const from = request.from ?? this.#defaultFrom();
    const framed = receipt || once ? frameMessage(action, request, receipt) : undefined;
    const { message, binary } = framed ?? request;
    return {
      roomId,
      address: { AppId: this.#settings.appId, RoomId: roomId, From: from },
      message: toWireMessage(message, binary),
      messageId: framed?.messageId,
      isReceiptWanted: receipt,
    };
  }

  /**
   * Sends a prepared request. With `receipt`, receipts are waited for from when it leaves, until it is known to be in
   * vain.
   */
  async send(
    { messageId, isReceiptWanted }: WireRequest,
    to: readonly string[],
    plan: CallPlan,
    send: (plan: CallPlan) => Promise<AcceptedCall>,
  ): Promise<AcceptedCall & Pick<SendReceipt, 'messageId'>> {
    if (messageId === undefined) return send(plan);
    const receipts = isReceiptWanted ? this.#receipts : undefined;
    let tracked = undefined as TrackedRequest | undefined;
    const beforeSend = async (): Promise<boolean> => {
      if (tracked === undefined) {
        tracked = { messageId, request: randomBytes(6).toString('base64url'), userIds: [...new Set(to)] };
        await receipts?.expect(tracked, plan.deadlineMs);
      }
      return plan.beforeSend?.() ?? true;
    };
    try {
      const accepted = await send(receipts === undefined ? plan : { ...plan, beforeSend });
      return { ...accepted, messageId };
    } catch (error) {
      if (error instanceof RtcMessagingError) {
        if (tracked !== undefined && error.outcome !== 'unknown') receipts?.withdraw(tracked);
        Object.assign(error, { messageId });
      }
      throw error;
    }
  }

  /** @throws RtcQuotaError when receipts are wanted of more recipients than can be awaited now */
  async checkRoomFor(to: Iterable<unknown> | AsyncIterable<unknown>): Promise<void> {
    // Of any other source, nobody knows how many there are.
    const isKnown = Array.isArray(to) || to instanceof Set;
    if (isKnown) await this.#receipts?.checkRoomFor(new Set<unknown>(to).size);
  }

  /** @throws RtcValidationError when nobody can wait for the receipts that are asked for */
  checkReceipt(action: RtcActionName, { receipt }: Pick<SendOptions, 'receipt'>): void {
    const isBroadcast = RTC_ACTIONS[action].to === 'none';
    if (receipt !== true || (!isBroadcast && this.#receipts !== undefined)) return;
    const message = isBroadcast
      ? 'is not for broadcasts, since nobody knows their recipients; once is'
      : 'needs RtcReceiptModule of nestjs-rtc-messaging/receipts';
    throw new RtcValidationError([{ path: 'options.receipt', message }]);
  }

  #defaultFrom(): string {
    if (this.#settings.from !== undefined) return this.#settings.from;
    throw new RtcValidationError([
      { path: 'from', message: "is missing; name it in the request or set the module's from (RTC_FROM)" },
    ]);
  }
}
