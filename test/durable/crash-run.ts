import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RtcMessagingOptions } from 'nestjs-rtc-messaging';
import type { DurableFanOutReport } from 'nestjs-rtc-messaging/bullmq';
import type { RtcEmulatorOptions } from 'nestjs-rtc-messaging/emulator';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { type QueueApp, startQueueApp } from '../support/fan-out-queue.js';
import { firstMessage, forkProgram, kill } from '../support/processes.js';

const PROCESSES = join(import.meta.dirname, 'processes');
const WORKERS = 3;
const REQUEST = { id: 'crash', roomId: 'room-1', message: 'hello' };

export interface CrashPlan {
  readonly redisUrl: string;
  readonly prefix: string;
  readonly recipients: number;
  readonly kills: number;
  readonly seed: number;
  /** Chunks that a worker sends at once. */
  readonly concurrency: number;
  readonly chunkSize: number;
  /** What the account allows, and what the workers go by. Default: anything. */
  readonly emulator?: RtcEmulatorOptions;
  readonly quota?: RtcMessagingOptions['quota'];
}

/** What came of a run, by the library's account and by the emulator's. */
export interface CrashReport {
  readonly report: DurableFanOutReport;
  /** By outcome: everyone who was not accepted, as the stream has it. */
  readonly unaccepted: ReadonlyMap<string, string>;
  readonly streamed: number;
  readonly killed: { readonly workers: number; readonly producers: number };
  /** Chunks in flight at the kills of workers, by the ledger. */
  readonly inFlightAtKills: number;
  readonly emulator: {
    readonly accepted: number;
    readonly doubled: number;
    readonly missing: readonly string[];
  };
  readonly seconds: number;
}

/** A fan-out of which workers and the producer are killed at random moments, and started again. */
export async function runCrashes(plan: CrashPlan): Promise<CrashReport> {
  const run = new CrashRun(plan);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class CrashRun {
  readonly #random: () => number;
  readonly #children = new Set<ChildProcess>();
  readonly #workers = new Set<ChildProcess>();
  #producer: ChildProcess | undefined;
  #isEnqueued = false;
  #watcher: QueueApp | undefined;
  #rtc: RtcMessagingOptions = {};
  readonly #killed = { workers: 0, producers: 0 };
  #inFlightAtKills = 0;

  constructor(private readonly plan: CrashPlan) {
    this.#random = seededRandom(plan.seed);
  }

  async run(): Promise<CrashReport> {
    const started = performance.now();
    const { redisUrl, prefix, recipients, kills } = this.plan;
    const emulator = this.#fork('emulator.mjs', this.plan.emulator ?? {});
    const { moduleOptions } = await firstMessage<{ moduleOptions: RtcMessagingOptions }>(emulator);
    this.#rtc = { ...moduleOptions, quota: this.plan.quota ?? { requestsPerSecond: 100_000 } };
    this.#watcher = await startQueueApp(redisUrl, { prefix, role: 'producer' });

    this.#startProducer();
    await Promise.all(Array.from({ length: WORKERS }, () => this.#startWorker()));
    // Spread over the whole of the work, whatever the machine's pace.
    const moments = Array.from({ length: kills }, () => this.#random() * recipients * 0.97).sort(
      (a, b) => a - b,
    );
    for (const [at, moment] of moments.entries()) {
      // One of each: first the producer, if there is still a lot to be enqueued, and then a worker.
      await this.#untilDone(at === 0 ? moment / 2 : moment);
      const mayBeProducer = at === 0 || (at > 1 && this.#random() < 0.3);
      await (mayBeProducer && !this.#isEnqueued ? this.#killProducer() : this.#killWorker());
    }
    const handle = await this.#watcher.queue.get(REQUEST.id);
    if (handle === undefined) throw new Error('The fan-out is gone');
    const report = await handle.result();
    const unaccepted = new Map<string, string>();
    let streamed = 0;
    for await (const { userId, outcome } of handle.unaccepted()) {
      streamed += 1;
      unaccepted.set(userId, outcome);
    }
    emulator.send({ message: REQUEST.message, users: recipients });
    const [account] = (await once(emulator, 'message')) as [CrashReport['emulator']];
    return {
      report,
      unaccepted,
      streamed,
      killed: this.#killed,
      inFlightAtKills: this.#inFlightAtKills,
      emulator: account,
      seconds: (performance.now() - started) / 1_000,
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map(kill));
    await this.#watcher?.close();
  }

  async #untilDone(recipients: number): Promise<void> {
    for (;;) {
      const handle = await this.#watcher?.queue.get(REQUEST.id);
      if (handle !== undefined) {
        const { done, state } = await handle.progress();
        if (done >= recipients || state === 'ended') return;
      }
      await sleep(2);
    }
  }

  async #killProducer(): Promise<void> {
    if (this.#producer === undefined) throw new Error('There is no producer to kill');
    await kill(this.#producer);
    this.#killed.producers += 1;
    this.#startProducer();
  }

  async #killWorker(): Promise<void> {
    const workers = [...this.#workers];
    const worker = workers[Math.floor(this.#random() * workers.length)];
    if (worker === undefined) throw new Error('There is no worker to kill');
    this.#workers.delete(worker);
    await kill(worker);
    const handle = await this.#watcher?.queue.get(REQUEST.id);
    this.#inFlightAtKills += Math.min(this.plan.concurrency, (await handle?.progress())?.inFlight ?? 0);
    this.#killed.workers += 1;
    // Not waited for: the others go on meanwhile, but there must be one to kill.
    const replaced = this.#startWorker();
    if (this.#workers.size === 0) await replaced;
    else replaced.catch(() => undefined);
  }

  async #startWorker(): Promise<void> {
    const { redisUrl: connection, prefix, concurrency } = this.plan;
    const worker = this.#fork('worker.mjs', {
      connection,
      queue: { prefix, concurrency, lostAfterMs: 1_500 },
      rtc: this.#rtc,
    });
    await firstMessage(worker);
    this.#workers.add(worker);
  }

  #startProducer(): void {
    const { redisUrl: connection, prefix, recipients: users, chunkSize } = this.plan;
    const producer = this.#fork('producer.mjs', {
      connection,
      // So little ahead that it has to be there for most of the time.
      queue: { prefix, lookAhead: 40, maxStoredChunks: 60 },
      ...REQUEST,
      users,
      chunkSize,
    });
    this.#producer = producer;
    producer.on('message', (message) => {
      if (message === 'enqueued') this.#isEnqueued = true;
    });
  }

  #fork(file: string, settings: object): ChildProcess {
    const child = forkProgram(join(PROCESSES, file), settings);
    this.#children.add(child);
    return child;
  }
}
