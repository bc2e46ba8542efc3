import type { ChunkProgress } from '../fan-out/chunk-sender.js';
import type { InvalidRecipient } from '../fan-out/fan-out-report.js';
import type { Dedupe } from '../fan-out/recipient-chunks.js';
import type { LuaScript } from '../redis/lua-script.js';
import type { OnUnknown } from '../retry/send-call.js';
import type { WireMessage } from '../services/wire-message.js';
import type { ChunkCompletion } from './chunk-completion.js';
import { type FanOutState, readState } from './fan-out-state.js';
import type { LedgerKeys } from './ledger-keys.js';
import {
  HEARTBEAT,
  CLAIM,
  CANCEL,
  CLAIM_END,
  READY,
  ENQUEUED,
  GIVE_UP,
  LOOK,
  OPEN,
  RESUME,
  CLOSE_INPUT,
  COMPLETE,
  STORE,
  START,
} from './ledger-scripts.js';
import type { ChunkBatch, SourceEnd } from './read-ahead.js';
import type { RedisClient } from './redis-connection.js';
import { throughOutages } from './keep-trying.js';

/** What a fan-out is, as it is handed in. Times are in milliseconds. */
export interface FanOutPlan {
  readonly roomId: string;
  readonly from: string | undefined;
  readonly wire: WireMessage;
  readonly onUnknown: OnUnknown | undefined;
  readonly chunkSize: number;
  readonly dedupe: Dedupe;
  readonly total: number | undefined;
  readonly lookAhead: number;
  readonly producerLostAfterMs: number;
  readonly retentionMs: number;
  readonly maxIdleMs: number;
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

/** What should have a job by now, and may not have one. */
export interface ReadyJobs {
  /** The first of the chunks. */
  readonly from: number;
  /** The first chunk after them. */
  readonly to: number;
  /** The fan-out has ended, and no worker has emitted that as an event. */
  readonly isEndReady?: true;
}

export type StoreResult =
  | { readonly result: 'stored'; readonly completedChunks: number; readonly ready: ReadyJobs }
  | { readonly result: 'gone' | 'stopped' | 'differs' };

export type CloseResult =
  | { readonly result: 'closed'; readonly ready: ReadyJobs }
  | { readonly result: 'gone' | 'stopped' | 'differs' };

/** `fenced`: someone else has, or had, the chunk by now; nothing was changed. */
export interface CompleteResult {
  readonly result: 'completed' | 'returned' | 'corrected' | 'fenced' | 'gone';
  readonly ready: ReadyJobs;
}

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
  | { readonly result: 'gone' | 'completed' | 'stopped' | 'superseded' | 'presumed_unknown' };

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
  ) {
    this.#client = client;
  }

  /**
   * Makes a fan-out, or finds it.
   * @param producer names who enqueues, among all who do
   */
  async open(id: string, producer: string, plan: FanOutPlan): Promise<OpenedFanOut | OtherFanOut> {
    const fields: Record<string, string | number> = {
      roomId: plan.roomId,
      from: plan.from ?? '',
      binary: plan.wire.Binary ? '1' : '0',
      onUnknown: plan.onUnknown ?? '',
      chunkSize: plan.chunkSize,
      dedupe: plan.dedupe,
      total: plan.total ?? '',
      lookAhead: plan.lookAhead,
      producerTimeout: plan.producerLostAfterMs,
      retention: plan.retentionMs,
      maxAge: plan.maxIdleMs,
    };
    const args = [producer, plan.wire.Message, ...Object.entries(fields).flat()];
    const answer = await this.#run<['opened', number, number, Dedupe] | ['differs', ...string[]]>(
      OPEN,
      id,
      args,
    );
    if (answer[0] === 'differs') return { differing: answer.slice(1) as string[] };
    const [, stored, chunkSize, dedupe] = answer;
    return { stored, chunkSize, dedupe };
  }

  /** Stores chunks, but for those that have been stored. */
  async store(
    id: string,
    producer: string,
    { from, chunks, digestBefore, read }: ChunkBatch,
  ): Promise<StoreResult> {
    const invalid: InvalidRecipient[] = [];
    const stored = chunks.flatMap((chunk) => {
      const invalidBefore = invalid.length;
      invalid.push(...chunk.invalid);
      return [chunk.recipients, chunk.digest, invalidBefore];
    });
    const args = [
      producer,
      from,
      chunks.length,
      digestBefore,
      read.input,
      read.duplicates,
      read.invalid,
      ...stored,
      ...invalid.map((one) => JSON.stringify(one)),
    ];
    const [result, completedChunks, ...ready] = await this.#run<[StoreResult['result'], number, ...Ready]>(
      STORE,
      id,
      args,
    );
    return result === 'stored' ? { result, completedChunks, ready: readyJobs(ready) } : { result };
  }

  /** All has been stored: by this producer, or by one whose chunks were the same. */
  async closeInput(id: string, { digest, read, invalid }: SourceEnd): Promise<CloseResult> {
    const listed = invalid.map((one) => JSON.stringify(one));
    const args = [digest, read.input, read.duplicates, read.invalid, ...listed];
    const [result, ...ready] = await this.#run<[CloseResult['result'], ...Ready]>(CLOSE_INPUT, id, args);
    return result === 'closed' ? { result, ready: readyJobs(ready) } : { result };
  }

  async heartbeat(id: string, producer: string): Promise<void> {
    await this.#run(HEARTBEAT, id, [producer]);
  }

  async giveUp(id: string, producer: string): Promise<void> {
    await this.#run(GIVE_UP, id, [producer]);
  }

  async ready(id: string): Promise<ReadyJobs> {
    return readyJobs(await this.#run<Ready>(READY, id));
  }

  async enqueued(id: string, to: number): Promise<void> {
    await this.#run(ENQUEUED, id, [to]);
  }

  /** @param token of the worker, see `lua/claim.lua`; the same one may claim the same chunk twice */
  async claim(id: string, index: number, token: string): Promise<ClaimResult> {
    const [result, ...found] = await this.#run<
      [ClaimResult['result'], string, string, string, string, string, string, number, string, number]
    >(CLAIM, id, [index, token]);
    if (result !== 'send') return { result };
    const [recipients, message, binary, roomId, from, onUnknown, possibleDuplicate, created, isFirst] = found;
    return {
      result,
      chunk: {
        recipients: recipients.split(','),
        wire: { Binary: binary === '1', Message: message },
        roomId,
        from: from === '' ? undefined : from,
        onUnknown: onUnknown === '' ? undefined : (onUnknown as OnUnknown),
        possibleDuplicate: possibleDuplicate === 1,
        startedAt: new Date(Number(created)).toISOString(),
        isFirst: isFirst === 1,
      },
    };
  }

  /**
   * Asked when there is a permit for the chunk: whether it may be sent. If so, it is in flight.
   * @param part of the chunk, where it is sent in parts: no more than that is in flight
   */
  async start(id: string, index: number, token: string, part?: ChunkProgress): Promise<boolean> {
    const isPart = part !== undefined && (part.rest.length > 0 || part.accepted > 0);
    const args = isPart ? [part.inFlight.join(), part.rest.join(), part.accepted] : [];
    return (await this.#run<0 | 1>(START, id, [index, token, ...args])) === 1;
  }

  /** The same when it is called again. */
  async complete(
    id: string,
    index: number,
    token: string,
    { counts, requests, throttled, rest, outcome, stop }: ChunkCompletion,
  ): Promise<CompleteResult> {
    const args = [
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
    ];
    const [result, ...ready] = await this.#run<[CompleteResult['result'], ...Ready]>(COMPLETE, id, args);
    return { result, ready: readyJobs(ready) };
  }

  cancel(id: string): Promise<'gone' | 'ended' | 'stopped'> {
    return this.#run(CANCEL, id);
  }

  resume(id: string): Promise<'gone' | 'resumed'> {
    return this.#run(RESUME, id);
  }

  /** Undefined when there is no such fan-out, or none any more. */
  async look(id: string): Promise<FanOutState | undefined> {
    return readState(await this.#run<string[]>(LOOK, id));
  }

  /**
   * Undefined unless the fan-out has ended, and that is to be emitted as an event by whoever has the token.
   * @param token the first one that is given; the same one may be given twice
   */
  async claimEnd(id: string, token: string): Promise<FanOutState | undefined> {
    return readState(await this.#run<string[]>(CLAIM_END, id, [token]));
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
    return throughOutages(this.#client, work);
  }

  /** @returns what the script's head says that it answers */
  #run<Answer>(script: LuaScript, id: string, args: readonly (string | number)[] = []): Promise<Answer> {
    const run = () => script.run(this.#client, this.keys.forScript(id), [id, ...args]);
    return this.throughOutages(run) as Promise<Answer>;
  }
}

type Ready = [from: number, to: number, isEndReady: number];

function readyJobs([from, to, isEndReady]: Ready): ReadyJobs {
  return { from, to, ...(isEndReady === 1 && { isEndReady: true }) };
}

function pairs(flat: readonly string[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return found;
}
