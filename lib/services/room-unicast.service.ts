import { Inject, Injectable } from '@nestjs/common';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import type { RtcMessagingSettings } from '../config/settings.js';
import type { BatchSendRoomUnicastRequest, SendRoomUnicastRequest } from '../dto/requests.dto.js';
import { ChunkSender, type ChunkSenders, type FanOutHost } from '../fan-out/chunk-sender.js';
import { FAN_OUT_OPTIONS } from '../fan-out/fan-out-options.js';
import { defaultChunkSize, estimateFanOut, type FanOutEstimate } from '../fan-out/estimate-fan-out.js';
import type { FanOutReport } from '../fan-out/fan-out-report.js';
import type { FanOutOptions, FanOutRequest } from '../fan-out/fan-out-request.js';
import { FanOutRun } from '../fan-out/fan-out-run.js';
import { RecipientChunks } from '../fan-out/recipient-chunks.js';
import { validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { RequestBody } from '../openapi/request-body.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { FAN_OUT_CHUNK } from '../retry/call-policy.js';
import type { CallLimits } from '../retry/send-call.js';
import { Sender } from '../retry/sender.js';
import { ActionCaller } from './action-caller.js';
import { callLimits, type SendOptions } from './send-options.js';
import type { SendReceipt } from './send-receipt.js';

/** What the service needs of a sender. */
export type RoomUnicastSender = Pick<Sender, 'send'> & FanOutHost;

const hidden = new HiddenParts<{
  readonly caller: ActionCaller;
  readonly settings: RtcMessagingSettings;
  readonly sender: RoomUnicastSender;
}>();

/** Sends messages to users in a room. */
@Injectable()
export class RoomUnicastService {
  constructor(
    caller: ActionCaller,
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
    @Inject(Sender) sender: RoomUnicastSender,
  ) {
    hidden.set(this, { caller, settings, sender });
  }

  /**
   * Sends one message to up to 600 users in a room, with one request (`BatchSendRoomUnicast`). What proves that
   * the message was not accepted is retried; what proves nothing is retried only with `onUnknown: 'resend'`.
   *
   * @returns when the service has accepted the message; whatever else happens is thrown
   * @throws RtcValidationError when the request breaks a rule; nothing was sent
   * @throws RtcApiError when the service refused (`rejected`), or its answer proves nothing (`unknown`)
   * @throws RtcNetworkError when the connection failed, before (`not_attempted`) or after bytes left (`unknown`)
   * @throws RtcTimeoutError when `timeoutMs` or `deadlineMs` passed
   * @throws RtcAbortedError when `signal` was aborted
   * @throws RtcQuotaError when the quota's queue is full, or longer than the call has time
   * @throws RtcConfigError when the credentials provider failed
   * @see https://www.volcengine.com/docs/6348/1164064
   */
  batchSend(request: BatchSendRoomUnicastRequest, options: SendOptions = {}): Promise<SendReceipt> {
    return hidden.of(this).caller.call('BatchSendRoomUnicast', request, options);
  }

  /**
   * Sends one message to one user in a room (`SendRoomUnicast`): of up to 64 KB, where a batch takes 20 KB.
   * Otherwise as {@link batchSend}, errors included.
   *
   * @see https://www.volcengine.com/docs/6348/1164062
   */
  send(request: SendRoomUnicastRequest, options: SendOptions = {}): Promise<SendReceipt> {
    return hidden.of(this).caller.call('SendRoomUnicast', request, options);
  }

  /**
   * Sends one message to any number of users in a room, with as many requests as that takes, as fast as the quota
   * allows. Recipients are read as they are sent to.
   *
   * @returns what became of everyone who was read, also when something stopped it half way
   * @throws RtcValidationError when the request or an option breaks a rule; nothing was read or sent
   */
  async fanOut(request: FanOutRequest, options: FanOutOptions = {}): Promise<FanOutReport> {
    const { settings, sender } = hidden.of(this);
    const { to, ...message } = validateFanOutRequest(request);
    const plan = checkCallOptions(FAN_OUT_OPTIONS, options);
    const chunkSize = plan.chunkSize ?? defaultChunkSize(settings.quota);
    const chunks = new RecipientChunks(to, chunkSize, plan.dedupe);
    return new FanOutRun(chunks, chunkSender(this, message, plan), plan, sender).run();
  }

  /** @internal For the workers of the durable queue. Optional, so that a mock needs none. */
  chunkSenders?(): ChunkSenders {
    return {
      host: hidden.of(this).sender,
      open: (message, onUnknown) =>
        chunkSender(this, message, checkCallOptions(FAN_OUT_OPTIONS, { onUnknown })),
    };
  }

  /**
   * How long a fan-out to so many recipients takes at least under the quota, if nothing else uses it.
   * @param chunkSize users a request, 1–600. Default: as `fanOut` has it
   */
  estimate(recipients: number, chunkSize?: number): FanOutEstimate {
    return estimateFanOut(recipients, chunkSize, hidden.of(this).settings.quota);
  }
}

function chunkSender(
  service: RoomUnicastService,
  message: Omit<FanOutRequest, 'to'>,
  plan: FanOutOptions & { readonly chunkDeadlineMs: number },
): ChunkSender {
  const { caller, settings, sender } = hidden.of(service);
  // Once for all: the caller may use its bytes for something else meanwhile.
  const bodyFor = RequestBody.template(caller.wireBody(message));
  const limits: CallLimits = {
    ...callLimits(settings, { timeoutMs: plan.timeoutMs, onUnknown: plan.onUnknown }),
    deadlineMs: plan.chunkDeadlineMs,
    policy: FAN_OUT_CHUNK,
    roomId: message.roomId,
  };
  return new ChunkSender(
    (recipients, { beforeSend, ...signals }) =>
      sender.send(
        'BatchSendRoomUnicast',
        bodyFor(recipients),
        { ...limits, beforeSend },
        { signal: undefined, ...signals },
      ),
    sender,
    plan.chunkSize ?? defaultChunkSize(settings.quota),
    plan.chunkDeadlineMs,
  );
}
