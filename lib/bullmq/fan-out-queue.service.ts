import { randomUUID } from 'node:crypto';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import {
  checkOptions,
  abortSignal,
  count,
  oneOf,
  wholeNumber,
  type OptionCheck,
} from '../dto/check-options.js';
import { idProblem, isId, MAX_RECIPIENTS } from '../dto/field-rules.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import { validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { toWireMessage } from '../services/wire-message.js';
import type { ChunkFeeder } from './chunk-feeder.js';
import type { EnqueueOptions } from './durable-fan-out.js';
import { FanOutEnqueuer } from './fan-out-enqueuer.js';
import { FanOutHandle } from './fan-out-handle.js';
import type { FanOutLedger } from './fan-out-ledger.js';
import type { FanOutQueueRole } from './fan-out-queue-options.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import type { RedisHolder } from './redis-holder.js';

const fanOutId: OptionCheck = ['must be 1–128 of a-z A-Z 0-9 @ . _ -', isId];

/** Hands fan-outs to workers, in this process or others, so that they survive each of them. */
@Injectable()
export class FanOutQueueService implements BeforeApplicationShutdown {
  // Private to the language, so that printing the service does not print a connection.
  readonly #role: FanOutQueueRole;
  readonly #settings: FanOutQueueSettings;
  readonly #redis: RedisHolder;
  readonly #ledger: FanOutLedger;
  readonly #feeder: ChunkFeeder;
  readonly #enqueuer: FanOutEnqueuer;
  readonly #closing = new AbortController();
  readonly #enqueuing = new Set<Promise<void>>();

  /** @internal */
  constructor(
    role: FanOutQueueRole,
    settings: FanOutQueueSettings,
    redis: RedisHolder,
    ledger: FanOutLedger,
    feeder: ChunkFeeder,
  ) {
    this.#role = role;
    this.#settings = settings;
    this.#redis = redis;
    this.#ledger = ledger;
    this.#feeder = feeder;
    this.#enqueuer = new FanOutEnqueuer(ledger, feeder, settings.maxStoredChunks);
  }

  /**
   * Stores a message and its recipients, and has them sent to. The source is read chunk by chunk, and sending
   * begins with the first one.
   *
   * @returns when everyone is stored: from then on it does not depend on this process
   * @throws RtcValidationError when the request or an option breaks a rule (nothing was stored), or when `id` was used
   * before for another request
   * @throws FanOutEnqueueError when the source throws or Redis fails, when `signal` was aborted or the app shuts down;
   * what was stored is sent. It tells the ID: enqueue the same request under it to go on.
   */
  async enqueue(request: FanOutRequest, options: EnqueueOptions = {}): Promise<FanOutHandle> {
    if (this.#role === 'worker') {
      throw new RtcConfigError(
        [{ option: 'RtcFanOutQueueModule.role', message: 'is worker; enqueuing takes producer or both' }],
        { outcome: 'not_attempted' },
      );
    }
    const { to, ...message } = validateFanOutRequest(request);
    const checked = checkOptions<EnqueueOptions>(options, {
      id: fanOutId,
      signal: abortSignal,
      total: count,
      onUnknown: oneOf('report', 'resend'),
      chunkSize: wholeNumber(MAX_RECIPIENTS),
      dedupe: oneOf('chunk', 'all', 'none'),
    });
    const { id = randomUUID(), signal, onUnknown, total, chunkSize, dedupe } = checked;
    const wire = toWireMessage(message.message, message.binary);
    const { lookAhead, producerLostAfterMs, retentionMs, maxIdleMs } = this.#settings;
    const enqueuing = this.#enqueuer.enqueue(
      id,
      to,
      {
        roomId: message.roomId,
        from: message.from,
        wire,
        onUnknown,
        chunkSize: chunkSize ?? MAX_RECIPIENTS,
        dedupe: dedupe ?? 'chunk',
        total,
        lookAhead,
        producerLostAfterMs,
        retentionMs,
        maxIdleMs,
      },
      signal === undefined ? [this.#closing.signal] : [signal, this.#closing.signal],
    );
    this.#enqueuing.add(enqueuing);
    try {
      await enqueuing;
    } finally {
      this.#enqueuing.delete(enqueuing);
    }
    return this.#handle(id);
  }

  /** Finds a fan-out, from whichever process it was enqueued; undefined when there is none, or none any more. */
  async get(id: string): Promise<FanOutHandle | undefined> {
    if (idProblem(id) !== undefined) return undefined;
    return (await this.#ledger.look(id)) === undefined ? undefined : this.#handle(id);
  }

  /** Reads no further, so that the fan-outs can be gone on with elsewhere. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#closing.abort();
    await this.#redis.finish(Promise.allSettled(this.#enqueuing), this.#settings.lostAfterMs);
  }

  #handle(id: string): FanOutHandle {
    return new FanOutHandle(id, this.#ledger, this.#feeder);
  }
}
