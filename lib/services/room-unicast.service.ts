import { Injectable } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import type { BatchSendRoomUnicastRequest, SendRoomUnicastRequest } from '../dto/requests.dto.js';
import { checkRequest } from '../dto/check-request.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { RtcTimeoutError } from '../errors/rtc-timeout.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { ChunkSender, type ChunkSenders, type SendRequest } from '../fan-out/chunk-sender.js';
import { defaultChunkSize, estimateFanOut, type FanOutEstimate } from '../fan-out/estimate-fan-out.js';
import type { FanOutReport } from '../fan-out/fan-out-report.js';
import {
  type CheckedFanOutOptions,
  FAN_OUT_OPTIONS,
  type FanOutOptions,
  type FanOutRequest,
  SEND_EACH_OPTIONS,
  type SendEachOptions,
} from '../fan-out/fan-out-request.js';
import { FanOutRun } from '../fan-out/fan-out-run.js';
import { InvalidItem, readId, type ReadItem, RecipientChunks } from '../fan-out/recipient-chunks.js';
import { MESSAGES, validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { bodyTemplate, requestBody } from '../openapi/request-body.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { type CallPlan, FAN_OUT_CHUNK } from '../retry/call-policy.js';
import { ActionCaller, callers, type WireRequest } from './action-caller.js';
import { RoomPresenceService } from './room-presence.service.js';
import { callPlan, type SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';

/** How long a fan-out waits for the list of users in the room, in milliseconds. */
const PRESENCE_MS = 1_000;

/** Sends messages to users in a room. */
@Injectable()
export class RoomUnicastService {
  constructor(caller: ActionCaller) {
    callers.set(this, caller);
  }

  /**
   * Sends one message to up to 600 users in a room with one request (`BatchSendRoomUnicast`). Attempts that were
   * certainly not accepted are retried. Unknown outcomes are sent again only with `onUnknown: 'resend'`.
   *
   * @returns once the service has accepted the message. Everything else throws.
   * @throws RtcValidationError when the request violates a rule. Nothing was sent.
   * @throws RtcApiError when the service refused (`rejected`), or its answer proves nothing (`unknown`)
   * @throws RtcNetworkError when the connection failed before the body's first byte (`not_attempted`) or after it
   * (`unknown`)
   * @throws RtcTimeoutError when `timeoutMs` or `deadlineMs` passed
   * @throws RtcAbortedError when `signal` was aborted
   * @throws RtcQuotaError when the quota's queue is full, or its estimated wait exceeds the call's time
   * @throws RtcConfigError when the credentials provider failed
   * @see https://www.volcengine.com/docs/6348/1164064
   */
  batchSend(request: BatchSendRoomUnicastRequest, options?: SendOptions): Promise<SendReceipt> {
    return callers.of(this).call('BatchSendRoomUnicast', request, options);
  }

  /**
   * Sends one message of up to 64 KB to one user in a room (`SendRoomUnicast`). A batch takes up to 20 KB. Otherwise
   * like {@link batchSend}, errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164062
   */
  send(request: SendRoomUnicastRequest, options?: SendOptions): Promise<SendReceipt> {
    return callers.of(this).call('SendRoomUnicast', request, options);
  }

  /**
   * Sends one message to any number of users in a room, as fast as the quota allows. Recipients are read while messages
   * are sent.
   *
   * @returns the outcomes of all recipients that were read, even if something stopped the fan-out
   * @throws RtcValidationError when the request or an option violates a rule, RtcQuotaError when receipts of a list of
   * recipients can't be awaited. Nothing was read or sent.
   */
  async fanOut(request: FanOutRequest, options: FanOutOptions = {}): Promise<FanOutReport> {
    const caller = callers.of(this);
    const { to, skipAbsent, ...message } = validateFanOutRequest(request, true);
    const plan = planOf(caller, options);
    const wire = caller.prepare('BatchSendRoomUnicast', message, plan);
    const began = performance.now();
    const [presence, there] = skipAbsent ? await askPresence(caller, message.roomId, plan) : [];
    const deadlineMs =
      plan.deadlineMs && Math.max(1, Math.ceil(plan.deadlineMs - (performance.now() - began)));
    // Each is awaited once, and needs no copy.
    const dedupe = plan.receipt ? 'all' : plan.dedupe;
    const readItem: ReadItem<string> = (value, position) => {
      const id = readId(value, position);
      return typeof id === 'string' && there?.has(id) === false ? undefined : id;
    };
    const chunks = new RecipientChunks(to, plan.chunkSize, dedupe, { readItem });
    if (presence) chunks.absent = 0;
    const isAddressed = (id: unknown): boolean => typeof readItem(id, 0) === 'string';
    const { messageId } = wire;
    if (wire.isTracked)
      await caller.requireCapacity(new Set(listOf(to)?.filter(isAddressed)).size, messageId);
    const each = chunkSender(caller, wire, plan);
    const report = await new FanOutRun(chunks, each, { ...plan, deadlineMs }, caller.sender).run();
    return { ...report, ...presence, ...(messageId !== undefined && { messageId }) };
  }

  /**
   * Sends many different messages, each to one user in a room (`SendRoomUnicast`), as fast as the quota allows.
   * Requests are read while messages are sent. Equal messages are not removed as duplicates. An invalid request is
   * counted and listed, and the others are sent.
   *
   * @returns the outcomes of all messages that were read. `index`, `position` and `positions` are positions in the
   * source.
   * @throws RtcValidationError when the source can't be read or an option violates a rule. Nothing was read or sent.
   */
  async sendEach(
    messages: Iterable<SendRoomUnicastRequest> | AsyncIterable<SendRoomUnicastRequest>,
    options: SendEachOptions = {},
  ): Promise<FanOutReport> {
    const caller = callers.of(this);
    const { sender } = caller;
    checkCallOptions(MESSAGES, { messages }, '');
    const plan = checkCallOptions(SEND_EACH_OPTIONS, options);
    caller.checkReceipt('SendRoomUnicast', plan);
    const perMessage = chunkPlan(caller.settings, plan);
    const readItem: ReadItem<EachMessage> = (value, position) => {
      try {
        const checked = checkRequest('SendRoomUnicast', value);
        const wire = caller.prepare('SendRoomUnicast', checked, plan);
        const to = checked.to as string;
        const body = requestBody(wire.address, to, wire.message);
        const ofRoom = { ...perMessage, roomId: wire.roomId };
        return { position, send: (about) => caller.send(wire, [to], body, { ...ofRoom, ...about }) };
      } catch (error) {
        return new InvalidItem(error instanceof RtcValidationError ? error.message : 'is no request');
      }
    };
    const chunks = new RecipientChunks(messages, 1, 'none', { readItem });
    if (plan.receipt) await caller.requireCapacity(listOf(messages)?.length ?? 0);
    const each = new ChunkSender<EachMessage>(
      (chunk, about) => (chunk as readonly [EachMessage])[0].send(about),
      sender,
      1,
      plan.chunkDeadlineMs,
      ({ position }) => position,
    );
    return await new FanOutRun(chunks, each, plan, sender).run();
  }

  /** @internal For the workers of the durable queue. Optional, so that a mock needs none. */
  chunkSenders?(): ChunkSenders {
    const caller = callers.of(this);
    return {
      host: caller.sender,
      open: (message, onUnknown) => {
        const plan = planOf(caller, { onUnknown });
        return chunkSender(caller, caller.prepare('BatchSendRoomUnicast', message, plan), plan);
      },
    };
  }

  /**
   * The least time of a fan-out to this many recipients, if nothing else uses the quota.
   * @param chunkSize recipients in a request, 1–600. Default: as in `fanOut`
   */
  estimate(recipients: number, chunkSize?: number): FanOutEstimate {
    return estimateFanOut(recipients, chunkSize, callers.of(this).settings.quota);
  }
}

/** A message of `sendEach`, ready to be sent. */
interface EachMessage {
  /** In the source. */
  readonly position: number;
  readonly send: (about: Parameters<SendRequest>[1]) => ReturnType<SendRequest>;
}

/** What is in a source, if that is known before it is read. */
function listOf(source: unknown): readonly unknown[] | undefined {
  return Array.isArray(source) || source instanceof Set ? [...(source as Iterable<unknown>)] : undefined;
}

/** Asks who is in a room. @returns what the report says of that, and who is there if that is known within a second */
async function askPresence(
  caller: ActionCaller,
  roomId: string,
  { signal, deadlineMs = PRESENCE_MS }: Pick<CheckedFanOutOptions, 'signal' | 'deadlineMs'>,
): Promise<[Pick<FanOutReport, 'presence' | 'presenceError'>, there?: ReadonlySet<string>]> {
  try {
    const limits = { signal, deadlineMs: Math.min(PRESENCE_MS, deadlineMs) };
    const { users, invisible, complete } = await new RoomPresenceService(caller).onlineUsers(roomId, limits);
    if (!complete) return [{ presence: 'incomplete' }];
    return [{ presence: 'used' }, new Set([...users, ...invisible])];
  } catch (error) {
    // A wait for the limit that would be longer than that is refused at once.
    const isLate = error instanceof RtcTimeoutError || error instanceof RtcQuotaError;
    return [{ presence: isLate ? 'timed_out' : 'failed', presenceError: error }];
  }
}

/** The options of a fan-out, checked, with all defaults. */
function planOf({ settings }: ActionCaller, options: FanOutOptions) {
  const { chunkSize, ...plan } = checkCallOptions(FAN_OUT_OPTIONS, options);
  return { ...plan, chunkSize: chunkSize ?? defaultChunkSize(settings.quota) };
}

/** The plan of a fan-out's calls. The fan-out's signal does not abort them: it stops them between attempts. */
function chunkPlan(
  settings: RtcMessagingSettings,
  plan: Omit<CheckedFanOutOptions, 'chunkSize' | 'dedupe'>,
  roomId?: string,
): CallPlan {
  const options = { ...plan, deadlineMs: plan.chunkDeadlineMs, signal: undefined };
  return { ...callPlan(settings, options, roomId), policy: FAN_OUT_CHUNK };
}

function chunkSender(caller: ActionCaller, wire: WireRequest, plan: ReturnType<typeof planOf>): ChunkSender {
  // Once for all: the caller may use its bytes for something else meanwhile.
  const bodyFor = bodyTemplate(wire.address, wire.message);
  const perChunk = chunkPlan(caller.settings, plan, wire.roomId);
  return new ChunkSender(
    (recipients, control) => caller.send(wire, recipients, bodyFor(recipients), { ...perChunk, ...control }),
    caller.sender,
    plan.chunkSize,
    plan.chunkDeadlineMs,
  );
}
