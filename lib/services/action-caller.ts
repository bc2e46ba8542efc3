import type { RtcMessagingSettings } from '../config/settings.js';
import { checkApiRequest, type OpenApiRequest } from '../dto/check-api-request.js';
import { type CheckedRequest, checkRequest } from '../dto/check-request.js';
import { distinctIds } from '../dto/distinct-ids.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import type { FanOutHost } from '../fan-out/chunk-sender.js';
import { createAxios, type RtcAxiosRef } from '../openapi/api-request.js';
import { type RequestBody, requestBody } from '../openapi/request-body.js';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import type { ReceiptStore } from '../receipts/receipt-store.js';
import type { CallPlan } from '../retry/call-policy.js';
import type { AcceptedCall, Sender } from '../retry/sender.js';
import { TimeBox } from '../waiting/time-box.js';
import { frameMessage } from './frame-message.js';
import {
  callPlan,
  OPEN_API_OPTIONS,
  type OpenApiOptions,
  SEND_OPTIONS,
  type SendOptions,
} from './send-options.js';
import type { BroadcastReceipt, SendReceipt } from './send-receipt.js';
import { toWireMessage, type WireMessage } from './wire-message.js';

/** For calls without options: nothing of a changed `Object.prototype`. */
const NO_OPTIONS = Object.freeze(Object.create(null) as SendOptions);

/** A request in the remote API's form. */
export interface WireRequest {
  readonly action: RtcActionName;
  readonly roomId: string | undefined;
  /** The fields of the body before its recipients. Unset ones are not sent. */
  readonly address: Readonly<Record<string, unknown>>;
  /** The fields after them. */
  readonly message: WireMessage;
  /** With `receipt` or `once`. */
  readonly messageId: string | undefined;
  /** Whether it has `receipt`. */
  readonly isTracked: boolean;
}

/** The parts of a sender that services use. */
export type CallSender = Pick<Sender, 'send' | 'request'> & FanOutHost;

/** How often a waiting chunk checks whether more receipts can be awaited, in milliseconds. */
const LOOK_EVERY_MS = 500;
/** A request that leaves as soon as its recipients are awaited need not await them anew. */
const SAME_MOMENT_MS = 20;

/** The caller of each service. */
export const callers = new HiddenParts<ActionCaller>();

/** Passes calls of all services to the sender. */
export class ActionCaller {
  /** See `RtcOpenApiService.axiosRef`. */
  readonly axiosRef: RtcAxiosRef = Object.freeze({
    interceptors: Object.freeze({ request: createAxios().interceptors.request }),
  });

  constructor(
    readonly settings: RtcMessagingSettings,
    readonly sender: CallSender,
    private readonly receipts?: ReceiptStore,
  ) {}

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
    const body = requestBody(wire.address, to, wire.message);
    const plan = callPlan(this.settings, given, wire.roomId);
    const sent = await this.send(wire, typeof to === 'string' ? [to] : (to ?? []), body, plan);
    const { requestId, attempts, possibleDuplicate, messageId } = sent;
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
   * Calls an action that sends no message. The `Result` of its answer may have any form.
   * @param knownLimit the action's rate limit, unless the caller gives one
   * @throws RtcValidationError when the request violates a rule, and the sender's errors
   */
  async request(
    request: OpenApiRequest,
    options: OpenApiOptions,
    knownLimit: number = Infinity,
  ): Promise<AcceptedCall> {
    const checked = checkApiRequest(request);
    const { requestsPerSecond = knownLimit, ...given } = checkCallOptions(OPEN_API_OPTIONS, options);
    const plan = callPlan(this.settings, {
      ...given,
      onUnknown: checked.method === 'GET' ? 'resend' : 'report',
    });
    return this.sender.request({ ...checked, ...this.axiosRef }, requestsPerSecond, plan);
  }

  /** Asks about a room, as {@link request} with `GET`. */
  ask(action: string, about: object, options: OpenApiOptions, limit: number): Promise<AcceptedCall> {
    const query = { AppId: this.settings.appId, ...about };
    return this.request({ action, version: '2023-11-01', query }, options, limit);
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
      action,
      roomId,
      address: { AppId: this.settings.appId, RoomId: roomId, From: from },
      message: toWireMessage(message, binary),
      messageId: framed?.messageId,
      isTracked: receipt,
    };
  }

  /**
   * Sends a body of a prepared request. With `receipt`, receipts are awaited from when its last attempt leaves, and no
   * longer if it was certainly not accepted.
   * @param to all different, and in no other request of the message that is under way or may have been accepted
   */
  async send(
    { action, messageId, isTracked }: Pick<WireRequest, 'action' | 'messageId' | 'isTracked'>,
    to: readonly string[],
    body: RequestBody,
    plan: CallPlan,
  ): Promise<AcceptedCall & Pick<SendReceipt, 'messageId'>> {
    if (messageId === undefined) return this.sender.send(action, body, plan);
    const send = async (each: CallPlan) => ({
      ...(await withMessageId(messageId, this.sender.send(action, body, each))),
      messageId,
    });
    const receipts = isTracked ? this.receipts : undefined;
    if (receipts === undefined) return send(plan);
    const { stop, fanOut } = plan;
    let askedAt = 0;
    const expect = async (): Promise<boolean> => {
      const areAwaited = receipts.expect(messageId, to);
      askedAt = performance.now();
      return areAwaited;
    };
    const beforeCall = async (): Promise<boolean> => {
      for (;;) {
        if (stop?.isCancelled) return false;
        if (await expect()) return true;
        // A fan-out waits until earlier receipts have come.
        if (!fanOut || to.length > receipts.limits.maxAwaited) throw tooManyAwaited(receipts);
        await new TimeBox(LOOK_EVERY_MS, stop).wait();
      }
    };
    const beforeSend = async (): Promise<boolean> => {
      // The receipts are awaited already. This renews their time, and must not delay a call that holds a permit.
      if (performance.now() - askedAt > SAME_MOMENT_MS) expect().catch(() => undefined);
      return true;
    };
    try {
      return await send({ ...plan, beforeCall, beforeSend });
    } catch (error) {
      // At once, so that it is done before the same users are awaited again.
      if (askedAt > 0 && error instanceof RtcMessagingError && error.outcome !== 'unknown')
        receipts.withdraw(messageId, to).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Refuses a list with more receipts than can be awaited now. If others come meanwhile, its chunks wait.
   * @param recipients 0 if nobody knows how many there will be
   * @throws RtcQuotaError
   */
  async requireCapacity(recipients: number, messageId?: string): Promise<void> {
    if (recipients === 0 || !this.receipts) return;
    // Without an answer, the sending says so.
    const [awaited = 0] = await this.receipts.look([]).catch(() => []);
    if (awaited + recipients > this.receipts.limits.maxAwaited)
      await withMessageId(messageId, Promise.reject(tooManyAwaited(this.receipts)));
  }

  /** @throws RtcValidationError when nobody can wait for the receipts that are asked for */
  checkReceipt(action: RtcActionName, { receipt }: Pick<SendOptions, 'receipt'>): void {
    const isBroadcast = RTC_ACTIONS[action].to === 'none';
    if (receipt !== true || (!isBroadcast && this.receipts !== undefined)) return;
    const message = isBroadcast
      ? 'is not for broadcasts, since nobody knows their recipients; once is'
      : 'needs receipts among the options of an RtcCallbackModule, which has the same name';
    throw new RtcValidationError([{ path: 'options.receipt', message }]);
  }

  #defaultFrom(): string {
    if (this.settings.from !== undefined) return this.settings.from;
    throw new RtcValidationError([
      { path: 'from', message: "is missing; name it in the request or set the module's from (RTC_FROM)" },
    ]);
  }
}

function tooManyAwaited({ limits }: ReceiptStore): RtcQuotaError {
  const why = `more than ${limits.maxAwaited} receipts would be awaited (maxAwaited)`;
  // It ends when receipts come, or when messages are over.
  return new RtcQuotaError(`The message was not sent: ${why}.`, { retryAfterMs: 1_000 });
}

/** Adds the ID of a message to the error of what was done for it. */
async function withMessageId<T>(messageId: string | undefined, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RtcMessagingError && messageId !== undefined) Object.assign(error, { messageId });
    throw error;
  }
}
