import { Inject, Injectable } from '@nestjs/common';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import type { ChunkProgress } from '../fan-out/chunk-sender.js';
import type { InvalidRecipient } from '../fan-out/fan-out-report.js';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import type { Dedupe } from '../fan-out/recipient-chunks.js';
import { LuaScript } from '../redis-client/lua-script.js';
import type { OnUnknown } from '../retry/call-policy.js';
import type { WireMessage } from '../services/wire-message.js';
import type { ChunkCompletion } from './chunk-completion.js';
import { type FanOutQueueSettings, FAN_OUT_QUEUE_SETTINGS } from './fan-out-queue-settings.js';
import { type FanOutState, readState, type StepAnswer } from './fan-out-state.js';
import cancel from './lua/cancel.lua.js';
import claim from './lua/claim.lua.js';
import claimEnd from './lua/claim-end.lua.js';
import complete from './lua/complete.lua.js';
import enqueued from './lua/enqueued.lua.js';
import existing from './lua/existing.lua.js';
import look from './lua/look.lua.js';
import open from './lua/open.lua.js';
import producer from './lua/producer.lua.js';
import resume from './lua/resume.lua.js';
import shared from './lua/shared.lua.js';
import start from './lua/start.lua.js';
import store from './lua/store.lua.js';
import type { ChunkBatch } from './read-ahead.js';
import { RedisHolder } from './redis-holder.js';
import { Interrupted } from '../waiting/time-box.js';
import { throughOutages } from './through-outages.js';

const STEPS = { cancel, claim, claimEnd, complete, enqueued, look, open, producer, resume, start, store };

/** Each atomic. What each takes and answers stands in its file. */
const SCRIPTS = Object.fromEntries(
  Object.entries(STEPS).map(([name, lua]) => [
    name,
    new LuaScript(name, shared + (name === 'open' ? '' : existing) + lua),
  ]),
) as Record<keyof typeof STEPS, LuaScript>;

/** The keys of a fan-out, in the order that the scripts expect. `lua/shared.lua` describes them. */
const KEYS = ['meta', 'message', 'ledger', 'outcomes', 'invalid', 'chunks', 'producers'] as const;

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

/** A chunk that is now claimed by who asked, and what is to be sent. */
export interface ClaimedChunk {
  readonly recipients: readonly string[];
  readonly message: Omit<FanOutRequest, 'to'>;
  readonly onUnknown: OnUnknown | undefined;
  /** Whether it may have been accepted before. */
  readonly possibleDuplicate: boolean;
}

/** So many fields are asked for at once: a few hundred short ones, or a few lists of recipients. */
const LEDGER_PAGE = 500;
const OUTCOMES_PAGE = 10;

/** The state of fan-outs in Redis. Every change is one script of those in `lua/`. */
@Injectable()
export class FanOutLedger {
  readonly #root: string;
  /** The IDs of fan-outs whose end no worker has emitted as an event. */
  readonly #active: string;

  constructor(
    @Inject(RedisHolder) private readonly redis: Pick<RedisHolder, 'client' | 'closing'>,
    @Inject(FAN_OUT_QUEUE_SETTINGS) { prefix, queueName }: Pick<FanOutQueueSettings, 'prefix' | 'queueName'>,
  ) {
    // All keys of a queue have one hash tag, so a script may use several of them in a Cluster.
    this.#root = `${prefix}:${queueName}:fan-out`;
    this.#active = `${this.#root}s`;
  }

  key(id: string, part: (typeof KEYS)[number]): string {
    return `${this.#root}:${id}:${part}`;
  }

  /**
   * Makes a fan-out, or finds it.
   * @param by names who enqueues, among all who do
   */
  open(id: string, by: string, { wire, ...plan }: FanOutPlan) {
    const fields = Object.entries({ ...plan, binary: wire.Binary ? '1' : '0' });
    const args = fields.flatMap(([name, value]) => [name, value ?? '']);
    return this.#run<'opened' | 'differs', readonly string[]>('open', id, by, wire.Message, ...args);
  }

  /** Stores chunks, but for those that have been stored, and closes the input with the last batch. */
  store(id: string, by: string, batch: ChunkBatch) {
    const { from, chunks, read, invalidBefore, isEnd, digestBefore, invalid } = batch;
    // Not as JSON, which takes Redis as long as the rest.
    const counts = [from, chunks.length, read.input, read.duplicates, read.invalid, invalidBefore];
    const texts = chunks.flatMap(({ recipients, digest }) => [recipients, digest]);
    const args = [by, ...counts, isEnd ? 1 : 0, digestBefore, ...texts, ...invalid];
    return this.#run<'stored' | 'closed' | 'stopped' | 'differs'>('store', id, ...args);
  }

  producer(id: string, by: string, what: 'lives' | 'gives up') {
    return this.#run<'noted'>('producer', id, by, what);
  }

  enqueued(id: string, to: number) {
    return this.#run<'noted'>('enqueued', id, to);
  }

  /**
   * Gives a worker its chunk, with the result `send`.
   * @param token of the worker, see `lua/claim.lua`; the same one may claim the same chunk twice
   */
  async claim(id: string, index: number, token: string) {
    const step = await this.#run<
      'send' | 'presumed_unknown' | 'completed' | 'stopped' | 'superseded',
      { recipients: string; message: string; possibleDuplicate: boolean }
    >('claim', id, index, token);
    if (step.more === undefined) return { ...step, chunk: undefined };
    const { roomId = '', from, binary, onUnknown } = step.fields;
    const { recipients, message, possibleDuplicate } = step.more;
    const chunk: ClaimedChunk = {
      recipients: recipients.split(','),
      message: { roomId, from: from || undefined, message, binary: binary === '1' },
      onUnknown: (onUnknown || undefined) as OnUnknown | undefined,
      possibleDuplicate,
    };
    return { ...step, chunk };
  }

  /**
   * Asked when there is a permit for the chunk: whether it may be sent. If so, it is in flight.
   * @param part of the chunk, where it is sent in parts: no more than that is in flight
   */
  async start(id: string, index: number, token: string, part?: ChunkProgress): Promise<boolean> {
    const isPart = part !== undefined && (part.rest.length > 0 || part.accepted > 0);
    const args = isPart ? [part.inFlight.join(), part.rest.join(), part.accepted] : [];
    const { result } = await this.#run<'inflight' | 'refused'>('start', id, index, token, ...args);
    return result === 'inflight';
  }

  /** The same when it is called again. */
  complete(id: string, index: number, token: string, completion: ChunkCompletion) {
    const json = JSON.stringify(completion);
    return this.#run<'completed' | 'returned' | 'fenced'>('complete', id, index, token, json);
  }

  cancel(id: string) {
    return this.#existing<'ended' | 'stopped'>('cancel', id);
  }

  resume(id: string) {
    return this.#existing<'resumed'>('resume', id);
  }

  look(id: string) {
    return this.#existing<'seen'>('look', id);
  }

  /**
   * Undefined unless the fan-out has ended, and that is to be emitted as an event by the worker with the token.
   * @param token the first one that is given; the same one may be given twice
   */
  async claimEnd(id: string, token: string): Promise<FanOutState | undefined> {
    const state = await this.#run<'emit' | 'none'>('claimEnd', id, token);
    return state.result === 'emit' ? state : undefined;
  }

  /** The fan-outs whose end has not been emitted as an event. */
  async *active(): AsyncGenerator<string> {
    const pages: AsyncIterable<string[]> = this.redis.client().sscanStream(this.#active);
    for await (const ids of pages) yield* ids;
  }

  /** The indexes of chunks that are not completed. */
  async *openChunks(id: string): AsyncGenerator<number> {
    for await (const [index, state] of this.#entries(id, 'ledger', LEDGER_PAGE)) {
      if (!state.startsWith('unknown')) yield Number(index);
    }
  }

  async recipients(id: string, index: number): Promise<readonly string[]> {
    const recipients = await this.redis.client().hget(this.key(id, 'chunks'), String(index));
    // Of one that is sent in parts: who is in flight, who is not, and how many were accepted.
    const [inFlight = '', rest = ''] = (recipients ?? '').split('|');
    return [inFlight, rest].filter((list) => list !== '').flatMap((list) => list.split(','));
  }

  /** What was kept of chunks that were not simply accepted, as JSON, by chunk and token. */
  async *outcomes(id: string): AsyncGenerator<readonly [index: number, json: string]> {
    for await (const [field, json] of this.#entries(id, 'outcomes', OUTCOMES_PAGE)) {
      yield [Number.parseInt(field, 10), json];
    }
  }

  async invalid(id: string): Promise<InvalidRecipient[]> {
    const entries = await this.redis.client().lrange(this.key(id, 'invalid'), 0, -1);
    return entries.map((entry) => JSON.parse(entry) as InvalidRecipient);
  }

  /** The fields of a hash with their values, a page at a time. */
  async *#entries(id: string, part: (typeof KEYS)[number], count: number): AsyncGenerator<[string, string]> {
    const options = { count, highWaterMark: 1 };
    const pages: AsyncIterable<string[]> = this.redis.client().hscanStream(this.key(id, part), options);
    // A scan may come by a field twice while the hash changes.
    const seen = new Set<string>();
    for await (const flat of pages) {
      for (let at = 0; at < flat.length; at += 2) {
        const [field = '', value = ''] = flat.slice(at, at + 2);
        if (!seen.has(field)) yield [field, value];
        seen.add(field);
      }
    }
  }

  /** Does what may be done twice, and waits for Redis, as the steps of the ledger do. */
  throughOutages<T>(work: () => Promise<T>): Promise<T> {
    return throughOutages(work, this.redis.closing);
  }

  /** Undefined when there is no such fan-out, or none any more. */
  async #existing<Result>(step: keyof typeof STEPS, id: string) {
    const answer = await this.#run<Result>(step, id).catch((error: unknown) => {
      if (!(error instanceof Interrupted)) throw error;
      const message = `The app is shutting down, and asks Redis no more. Fan-out ${id} goes on.`;
      throw new RtcAbortedError(message, { outcome: 'unknown' });
    });
    return answer.result === 'gone' ? undefined : answer;
  }

  async #run<Result, More = unknown>(step: keyof typeof STEPS, id: string, ...args: (string | number)[]) {
    const keys = [...KEYS.map((part) => this.key(id, part)), this.#active];
    const json = await this.throughOutages(() => SCRIPTS[step].run(this.redis.client(), keys, [id, ...args]));
    const answer = JSON.parse(json as string) as StepAnswer<Result, More>;
    return { ...answer, ...readState(answer) };
  }
}
