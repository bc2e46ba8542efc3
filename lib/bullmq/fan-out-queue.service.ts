import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { idProblem, MAX_RECIPIENTS } from '../dto/field-rules.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import { validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { checkCallOptions } from '../options/check-call-options.js';
import type { OptionTable } from '../options/option-table.js';
import { abortSignal, oneOf, unless, wholeNumber } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { toWireMessage } from '../services/wire-message.js';
import { ChunkJobs } from './chunk-jobs.js';
import type { EnqueueOptions } from './durable-fan-out.js';
import { FanOutEnqueuer } from './fan-out-enqueuer.js';
import { FanOutHandle } from './fan-out-handle.js';
import { FanOutLedger } from './fan-out-ledger.js';
import { FAN_OUT_QUEUE_SETTINGS, type FanOutQueueSettings } from './fan-out-queue-settings.js';
import { RedisHolder } from './redis-holder.js';

export const ENQUEUE_OPTIONS = {
  id: unless<string>(idProblem),
  signal: abortSignal,
  total: wholeNumber(0),
  onUnknown: oneOf('report', 'resend'),
  chunkSize: { rule: wholeNumber(1, MAX_RECIPIENTS), default: MAX_RECIPIENTS },
  dedupe: { rule: oneOf('chunk', 'all', 'none'), default: 'chunk' },
} satisfies OptionTable<EnqueueOptions>;

const hidden = new HiddenParts<{
  readonly settings: FanOutQueueSettings;
  readonly redis: RedisHolder;
  readonly ledger: FanOutLedger;
  readonly jobs: ChunkJobs;
  readonly closing: AbortController;
  readonly enqueuing: Set<Promise<void>>;
}>();

/** Enqueues fan-outs for workers in this or other processes, so that they survive each process. */
@Injectable()
export class FanOutQueueService {
  /** @internal */
  constructor(
    @Inject(FAN_OUT_QUEUE_SETTINGS) settings: FanOutQueueSettings,
    redis: RedisHolder,
    ledger: FanOutLedger,
    jobs: ChunkJobs,
  ) {
    const closing = new AbortController();
    hidden.set(this, { settings, redis, ledger, jobs, closing, enqueuing: new Set() });
  }

  /**
   * Enqueues a fan-out. The source is read chunk by chunk, and sending begins with the first chunk.
   *
   * @returns once all recipients are stored. From then on, the fan-out does not depend on this process.
   * @throws RtcValidationError when the request or an option violates a rule (nothing was stored), or when `id` was
   * used before for a different request
   * @throws FanOutEnqueueError when the source throws, Redis fails, `signal` was aborted or the app shuts down. The
   * stored recipients are sent to. The error contains the ID: enqueue the same request under it to continue.
   */
  async enqueue(request: FanOutRequest, options: EnqueueOptions = {}): Promise<FanOutHandle> {
    const { settings, ledger, jobs, closing, enqueuing } = hidden.of(this);
    const { role, maxStoredChunks, lookAhead, producerLostAfterMs, retentionMs, maxIdleMs } = settings;
    if (role === 'worker') {
      throw new RtcConfigError(
        [{ option: 'RtcFanOutQueueModule.role', message: 'is worker; enqueuing takes producer or both' }],
        { outcome: 'not_attempted' },
      );
    }
    const { to, roomId, from, message, binary } = validateFanOutRequest(request);
    const { id = randomUUID(), signal, ...how } = checkCallOptions(ENQUEUE_OPTIONS, options);
    const limits = { lookAhead, producerLostAfterMs, retentionMs, maxIdleMs };
    const plan = { roomId, from, wire: toWireMessage(message, binary), ...how, ...limits };
    const signals = signal === undefined ? [closing.signal] : [signal, closing.signal];
    const work = new FanOutEnqueuer(ledger, jobs, maxStoredChunks, id, signals).enqueue(to, plan);
    enqueuing.add(work);
    await work.finally(() => enqueuing.delete(work));
    return new FanOutHandle(id, ledger, jobs);
  }

  /** Finds a fan-out, whichever process enqueued it. Undefined if there is none or it has expired. */
  async get(id: string): Promise<FanOutHandle | undefined> {
    if (idProblem(id) !== undefined) return undefined;
    const { ledger, jobs } = hidden.of(this);
    return (await ledger.look(id)) === undefined ? undefined : new FanOutHandle(id, ledger, jobs);
  }

  /** @internal Stops reading, so that the fan-outs can be continued elsewhere. */
  async beforeApplicationShutdown(): Promise<void> {
    const { closing, redis, enqueuing } = hidden.of(this);
    closing.abort();
    await redis.finish(Promise.allSettled(enqueuing));
  }
}
