import type { InvalidRecipient } from '../fan-out/fan-out-report.js';
import type { Dedupe } from '../fan-out/recipient-chunks.js';
import type { LuaScript } from '../redis/lua-script.js';
import type { OnUnknown } from '../retry/send-call.js';
import type { WireMessage } from '../services/wire-message.js';
import type { PartInFlight } from './chunk-progress.js';
import type { ChunkSettlement } from './chunk-settlement.js';
import { type FanOutState, readState } from './fan-out-state.js';
import type { LedgerKeys } from './ledger-keys.js';
import {
  BEAT,
  BEGIN,
  CANCEL,
  DUE,
  FED,
  GIVE_UP,
  LOOK,
  OPEN,
  RESUME,
  SEAL,
  SETTLE,
  STORE,
  TAKE,
} from './ledger-scripts.js';
import type { ChunkBatch, SourceEnd } from './read-ahead.js';
import type { RedisClient } from './redis-connection.js';
import { throughOutages } from './through-outages.js';

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

/** Chunks from `from` up to, but without, `to`. */
export interface ChunkRange {
  readonly from: number;
  readonly to: number;
}

export type StoreResult =
  | { readonly result: 'stored'; readonly settledChunks: number; readonly due: ChunkRange }
  | { readonly result: 'gone' | 'stopped' | 'differs' };

/** A chunk that is now held by who asked, and what is to be sent. */
export interface BegunChunk {
  readonly recipients: readonly string[];
  readonly wire: WireMessage;
  readonly roomId: string;
  readonly from: string | undefined;
  readonly onUnknown: OnUnknown | undefined;
  /** Whether it may have been accepted before. */
  readonly possibleDuplicate: boolean;
}

export type BeginResult =
  | { readonly result: 'send'; readonly chunk: BegunChunk }
  | { readonly result: 'gone' | 'settled' | 'stopped' | 'superseded' | 'presumed_unknown' };

/** The entry of a chunk that no byte of was sent, or that is being sent. */
export interface OpenChunk {
  readonly index: number;
  readonly step: 'pending' | 'inflight';
}

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
    const [result, ...found] = (await this.#run(OPEN, id, args)) as [
      'opened' | 'differs',
      ...(string | number)[],
    ];
    if (result === 'differs') return { differing: found as string[] };
    const [stored, chunkSize, dedupe] = found as [number, number, Dedupe];
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
    const [result, settledChunks, ...due] = (await this.#run(STORE, id, args)) as [
      StoreResult['result'],
      number,
      number,
      number,
    ];
    return result === 'stored' ? { result, settledChunks, due: { from: due[0], to: due[1] } } : { result };
  }

  /** All has been stored: by this producer, or by one whose chunks were the same. */
  async seal(
    id: string,
    { digest, read, invalid }: SourceEnd,
  ): Promise<'sealed' | 'gone' | 'stopped' | 'differs'> {
    const listed = invalid.map((one) => JSON.stringify(one));
    return (await this.#run(SEAL, id, [
      digest,
      read.input,
      read.duplicates,
      read.invalid,
      ...listed,
    ])) as Awaited<ReturnType<FanOutLedger['seal']>>;
  }

  async beat(id: string, producer: string): Promise<void> {
    await this.#run(BEAT, id, [producer]);
  }

  async giveUp(id: string, producer: string): Promise<void> {
    await this.#run(GIVE_UP, id, [producer]);
  }

  /** Which chunks should have a job by now, and may not have one. */
  async due(id: string): Promise<ChunkRange> {
    const [from, to] = (await this.#run(DUE, id)) as [number, number];
    return { from, to };
  }

  async fed(id: string, to: number): Promise<void> {
    await this.#run(FED, id, [to]);
  }

  /** @param token of whoever begins, see `lua/begin.lua`; the same one may begin the same chunk twice */
  async begin(id: string, index: number, token: string): Promise<BeginResult> {
    const [result, recipients, message, binary, roomId, from, onUnknown, possibleDuplicate] =
      (await this.#run(BEGIN, id, [index, token])) as [
        BeginResult['result'],
        string,
        string,
        string,
        string,
        string,
        string,
        number,
      ];
    if (result !== 'send') return { result };
    return {
      result,
      chunk: {
        recipients: recipients.split(','),
        wire: { Binary: binary === '1', Message: message },
        roomId,
        from: from === '' ? undefined : from,
        onUnknown: onUnknown === '' ? undefined : (onUnknown as OnUnknown),
        possibleDuplicate: possibleDuplicate === 1,
      },
    };
  }

  /**
   * Asked when there is a permit for the chunk: whether it may be sent. If so, it is in flight.
   * @param part of the chunk, where it is sent in parts: no more than that is in flight
   */
  async take(id: string, index: number, token: string, part?: PartInFlight): Promise<boolean> {
    const isPart = part !== undefined && (part.rest.length > 0 || part.accepted > 0);
    const args = isPart ? [part.inFlight.join(), part.rest.join(), part.accepted] : [];
    return (await this.#run(TAKE, id, [index, token, ...args])) === 1;
  }

  /** The same when it is called again. `fenced`: someone else has, or had, the chunk by now; nothing was changed. */
  async settle(
    id: string,
    index: number,
    token: string,
    { counts, requests, throttled, rest, outcome, stop }: ChunkSettlement,
  ): Promise<{
    readonly result: 'settled' | 'returned' | 'corrected' | 'fenced' | 'gone';
    readonly due: ChunkRange;
  }> {
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
    const [result, from, to] = (await this.#run(SETTLE, id, args)) as [
      'settled' | 'returned' | 'corrected' | 'fenced' | 'gone',
      number,
      number,
    ];
    return { result, due: { from, to } };
  }

  async cancel(id: string): Promise<'gone' | 'ended' | 'stopped'> {
    return (await this.#run(CANCEL, id)) as 'gone' | 'ended' | 'stopped';
  }

  async resume(id: string): Promise<'gone' | 'resumed'> {
    return (await this.#run(RESUME, id)) as 'gone' | 'resumed';
  }

  /** Undefined when there is no such fan-out, or none any more. */
  async look(id: string): Promise<FanOutState | undefined> {
    return readState((await this.#run(LOOK, id)) as string[]);
  }

  /** The fan-outs that have not ended. */
  async *active(): AsyncGenerator<string> {
    let cursor = '0';
    do {
      const [next, ids] = await this.#client.sscan(this.keys.active, cursor, 'COUNT', LEDGER_PAGE);
      yield* ids;
      cursor = next;
    } while (cursor !== '0');
  }

  /** The chunks that are not settled; each at least once, a few of them twice. */
  async *openChunks(id: string): AsyncGenerator<OpenChunk[]> {
    for await (const fields of this.#scan(this.keys.ledger(id), LEDGER_PAGE)) {
      yield fields.flatMap(([index, entry]): OpenChunk[] =>
        entry.startsWith('u')
          ? []
          : [{ index: Number(index), step: entry.startsWith('i') ? 'inflight' : 'pending' }],
      );
    }
  }

  async recipients(id: string, index: number): Promise<readonly string[]> {
    const recipients = await this.#client.hget(this.keys.chunks(id), String(index));
    // Of one that is sent in parts: who is in flight, who is not, and how many were accepted.
    const [inFlight = '', rest = ''] = (recipients ?? '').split('|');
    return [inFlight, rest].filter((list) => list !== '').flatMap((list) => list.split(','));
  }

  /** What was kept of chunks that were not simply accepted, as JSON, by chunk and token. */
  async *outcomes(id: string): AsyncGenerator<readonly [index: number, json: string]> {
    const seen = new Set<string>();
    for await (const fields of this.#scan(this.keys.outcomes(id), OUTCOMES_PAGE)) {
      for (const [field, json] of fields) {
        // A scan may come by a field twice while the hash grows.
        if (seen.has(field)) continue;
        seen.add(field);
        yield [Number.parseInt(field, 10), json];
      }
    }
  }

  async invalid(id: string): Promise<InvalidRecipient[]> {
    const entries = await this.#client.lrange(this.keys.invalid(id), 0, -1);
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

  #run(script: LuaScript, id: string, args: readonly (string | number)[] = []): Promise<unknown> {
    return this.throughOutages(() => script.run(this.#client, this.keys.forScript(id), [id, ...args]));
  }
}

function pairs(flat: readonly string[]): (readonly [string, string])[] {
  const found: (readonly [string, string])[] = [];
  for (let at = 0; at + 1 < flat.length; at += 2) found.push([flat[at] ?? '', flat[at + 1] ?? '']);
  return found;
}
