import type { ChunkProgress } from '../fan-out/chunk-sender.js';
import type { InvalidRecipient } from '../fan-out/fan-out-report.js';
import type { Dedupe } from '../fan-out/recipient-chunks.js';
import type { OnUnknown } from '../retry/call-policy.js';
import type { WireMessage } from '../services/wire-message.js';
import type { ChunkCompletion } from './chunk-completion.js';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { type FanOutAnswer, type FanOutState, readState, type ReadyJobs } from './fan-out-state.js';
import { throughOutages } from './keep-trying.js';
import type { LedgerKeys } from './ledger-keys.js';
import { LEDGER_STEPS, type LedgerStep } from './ledger-scripts.js';
import type { ChunkBatch } from './read-ahead.js';
import type { RedisClient } from '../redis-client/open-client.js';
import type { Cancellation } from '../waiting/cancellation.js';

/** What a fan-out is, as it is handed in. */
export interface FanOutPlan extends Pick<
  FanOutQueueSettings,
  'lookAhead' | 'producerLostAfterMs' | 'retentionMs' | 'maxIdleMs'
> {
  readonly roomId: string;
  readonly from: string | undefined;
  readonly wire: WireMessage;
  readonly onUnknown: OnUnknown | undefined;
  readonly chunkSize: number;
  readonly dedupe: Dedupe;
  readonly total: number | undefined;
}

/** What has been stored, and how to go on. */
export interface OpenedFanOut {
  /** Chunks. */
  readonly stored: number;
  readonly chunkSize: number;
  readonly dedupe: Dedupe;
}

/** There is a fan-out under this ID, of another request. */
export interface OtherFanOut {
  /** The request's fields that are not the same. */
  readonly differing: readonly string[];
}

/** What came of a step, and what is to be done after it. */
export interface StepAnswer<Result extends string> {
  readonly result: Result;
  readonly completedChunks: number;
  readonly ready: ReadyJobs;
}

export type StoreResult = 'stored' | 'closed' | 'gone' | 'stopped' | 'differs';

/** `fenced`: someone else has, or had, the chunk by now; nothing was changed. */
type CompleteResult = 'completed' | 'returned' | 'corrected' | 'fenced' | 'gone';

/** A chunk that is now claimed by who asked, and what is to be sent. */
export interface ClaimedChunk {
  readonly recipients: readonly string[];
  readonly wire: WireMessage;
  readonly roomId: string;
  readonly from: string | undefined;
  readonly onUnknown: OnUnknown | undefined;
  /** Whether it may have been accepted before. */
  readonly possibleDuplicate: boolean;
  /** When the fan-out began: ISO 8601, by Redis's clock. */
  readonly startedAt: string;
  /** Whether it is the first one of its fan-out, whose beginning is to be emitted as an event. */
  readonly isFirst: boolean;
}

export type ClaimResult =
  | { readonly result: 'send'; readonly chunk: ClaimedChunk }
  | StepAnswer<'gone' | 'completed' | 'stopped' | 'superseded' | 'presumed_unknown'>;

/** So many fields are asked for at once: a few hundred short ones, or a few lists of recipients. */
const LEDGER_PAGE = 500;
const OUTCOMES_PAGE = 10;

/** The state of fan-outs in Redis. Every change is one script of those in `lua/`. */
export class FanOutLedger {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;

  constructor(
    client: RedisClient,
    private readonly keys: LedgerKeys,
    /** Rejects every step that waits for an answer. */
    private readonly closing?: Cancellation,
  ) {
    this.#client = client;
  }

  /**
   * Makes a fan-out, or finds it.
   * @param producer names who enqueues, among all who do
   */
  async open(
    id: string,
    producer: string,
    { wire, ...plan }: FanOutPlan,
  ): Promise<OpenedFanOut | OtherFanOut> {
    const fields = Object.entries({ ...plan, binary: wire.Binary ? '1' : '0' });
    const args = [producer, wire.Message, ...fields.flatMap(([name, value]) => [name, value ?? ''])];
    return await this.#run('open', id, args);
  }

  /** Stores chunks, but for those that have been stored, and closes the input with the last batch. */
  store(
    id: string,
    producer: string,
    { from, chunks, digestBefore, read, end }: ChunkBatch,
  ): Promise<StepAnswer<StoreResult>> {
    const invalid: InvalidRecipient[] = [];
    const stored = chunks.flatMap((chunk) => {
      const invalidBefore = invalid.length;
      invalid.push(...chunk.invalid);
      return [chunk.recipients, chunk.digest, invalidBefore];
    });
    return this.#run('store', id, [
      producer,
      from,
      chunks.length,
      digestBefore,
      read.input,
      read.duplicates,
      read.invalid,
      end === undefined ? 0 : 1,
      ...stored,
      ...[...invalid, ...(end?.invalid ?? [])].map((one) => JSON.stringify(one)),
    ]);
  }

  async heartbeat(id: string, producer: string): Promise<void> {
    await this.#run('heartbeat', id, [producer]);
  }

  giveUp(id: string, producer: string): Promise<StepAnswer<'given up' | 'gone'>> {
    return this.#run('giveUp', id, [producer]);
  }

  async enqueued(id: string, to: number): Promise<void> {
    await this.#run('enqueued', id, [to]);
  }

  /** @param token of the worker, see `lua/claim.lua`; the same one may claim the same chunk twice */
  async claim(id: string, index: number, token: string): Promise<ClaimResult> {
    const answer = await this.#run<
      | {
          result: 'send';
          chunk: Omit<ClaimedChunk, 'recipients' | 'startedAt'> & { recipients: string; startedAt: number };
        }
      | Exclude<ClaimResult, { result: 'send' }>
    >('claim', id, [index, token]);
    if (answer.result !== 'send') return answer;
    const { recipients, startedAt, ...chunk } = answer.chunk;
    return {
      result: 'send',
      chunk: { ...chunk, recipients: recipients.split(','), startedAt: new Date(startedAt).toISOString() },
    };
  }

  /**
   * Asked when there is a permit for the chunk: whether it may be sent. If so, it is in flight.
   * @param part of the chunk, where it is sent in parts: no more than that is in flight
   */
  async start(id: string, index: number, token: string, part?: ChunkProgress): Promise<boolean> {
    const isPart = part !== undefined && (part.rest.length > 0 || part.accepted > 0);
    const args = isPart ? [part.inFlight.join(), part.rest.join(), part.accepted] : [];
    return await this.#run('start', id, [index, token, ...args]);
  }

  /** The same when it is called again. */
  complete(
    id: string,
    index: number,
    token: string,
    { counts, requests, throttled, rest, outcome, stop }: ChunkCompletion,
  ): Promise<StepAnswer<CompleteResult>> {
    return this.#run('complete', id, [
      index,
      token,
      counts.accepted,
      counts.rejected,
      counts.unknown,
      requests,
      throttled,
      rest.join(),
      outcome === undefined ? '' : JSON.stringify(outcome),
      stop?.reason ?? '',
      stop?.error === undefined ? '' : JSON.stringify(stop.error),
    ]);
  }

  cancel(id: string): Promise<StepAnswer<'gone' | 'ended' | 'stopped'>> {
    return this.#run('cancel', id);
  }

  resume(id: string): Promise<StepAnswer<'gone' | 'resumed'>> {
    return this.#run('resume', id);
  }

  /** Undefined when there is no such fan-out, or none any more. */
  async look(id: string): Promise<FanOutState | undefined> {
    return await this.#state('look', id);
  }

  /**
   * Undefined unless the fan-out has ended, and that is to be emitted as an event by the worker with the token.
   * @param token the first one that is given; the same one may be given twice
   */
  async claimEnd(id: string, token: string): Promise<FanOutState | undefined> {
    return await this.#state('claimEnd', id, [token]);
  }

  /** The fan-outs whose end has not been emitted as an event. */
  async *active(): AsyncGenerator<string> {
    let cursor = '0';
    do {
      const [next, ids] = await this.#client.sscan(this.keys.active, cursor, 'COUNT', LEDGER_PAGE);
      yield* ids;
      cursor = next;
    } while (cursor !== '0');
  }

  /** The indexes of chunks that are not completed; each at least once, a few of them twice. */
  async *openChunks(id: string): AsyncGenerator<number[]> {
    for await (const fields of this.#scan(this.keys.of(id, 'ledger'), LEDGER_PAGE)) {
      yield fields.filter(([, state]) => !state.startsWith('unknown')).map(([index]) => Number(index));
    }
  }

  async recipients(id: string, index: number): Promise<readonly string[]> {
    const recipients = await this.#client.hget(this.keys.of(id, 'chunks'), String(index));
    // Of one that is sent in parts: who is in flight, who is not, and how many were accepted.
    const [inFlight = '', rest = ''] = (recipients ?? '').split('|');
    return [inFlight, rest].filter((list) => list !== '').flatMap((list) => list.split(','));
  }

  /** What was kept of chunks that were not simply accepted, as JSON, by chunk and token. */
  async *outcomes(id: string): AsyncGenerator<readonly [index: number, json: string]> {
    const seen = new Set<string>();
    for await (const fields of this.#scan(this.keys.of(id, 'outcomes'), OUTCOMES_PAGE)) {
      for (const [field, json] of fields) {
        // A scan may come by a field twice while the hash grows.
        if (seen.has(field)) continue;
        seen.add(field);
        yield [Number.parseInt(field, 10), json];
      }
    }
  }

  async invalid(id: string): Promise<InvalidRecipient[]> {
    const entries = await this.#client.lrange(this.keys.of(id, 'invalid'), 0, -1);
    return entries.map((entry) => JSON.parse(entry) as InvalidRecipient);
  }

  async *#scan(key: string, count: number): AsyncGenerator<(readonly [field: string, value: string])[]> {
    let cursor = '0';
    do {
      const [next, flat] = await this.#client.hscan(key, cursor, 'COUNT', count);
      yield pairs(flat);
      cursor = next;
    } while (cursor !== '0');
  }

  /** Does what may be done twice, and waits for Redis, as the steps of the ledger do. */
  throughOutages<T>(work: () => Promise<T>): Promise<T> {
    return throughOutages(this.#client, work, this.closing);
  }

  async #state(step: LedgerStep, id: string, args?: readonly string[]): Promise<FanOutState | undefined> {
    const answer = await this.#run<FanOutAnswer | null>(step, id, args);
    return answer === null ? undefined : readState(answer);
  }

  /** @returns what the script's head says that it answers */
  async #run<Answer>(step: LedgerStep, id: string, args: readonly (string | number)[] = []): Promise<Answer> {
    const run = () => LEDGER_STEPS[step].run(this.#client, this.keys.forScript(id), [id, ...args]);
    const json = (await this.throughOutages(run)) as string | null;
    return JSON.parse(json ?? 'null') as Answer;
  }
}

/** A hash of Redis, where each field is followed by its value. */
function pairs(flat: readonly string[]): (readonly [field: string, value: string])[] {
  return flat.flatMap((field, at) => (at % 2 === 0 ? [[field, flat[at + 1] ?? ''] as const] : []));
}
