import type { Redis } from 'ioredis';
import { LuaScript } from '../redis-client/lua-script.js';
import confirm from './lua/confirm.lua.js';
import expect from './lua/expect.lua.js';
import look from './lua/look.lua.js';
import shared from './lua/shared.lua.js';
import withdraw from './lua/withdraw.lua.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import type { ReceiptRedis, ReceiptSettings } from './receipt-options.js';
import {
  type ReceiptStatus,
  ReceiptStore,
  type TakenReceipt,
  toStatus,
  type TrackedRequest,
} from './receipt-store.js';

const EXPECT = new LuaScript('expect-receipts', shared + expect);
const WITHDRAW = new LuaScript('withdraw-receipts', withdraw);
const CONFIRM = new LuaScript('confirm-receipt', shared + confirm);
const LOOK = new LuaScript('look-at-receipts', look);

/** How long an answer is waited for, in milliseconds: a client that is not connected lets commands wait. */
export const ANSWER_LIMIT_MS = 1_000;
/** While Redis is silent, one command in so many milliseconds is let through. */
const PROBE_EVERY_MS = 10_000;
/** A request that leaves as soon as it was registered needs no second script. */
const SAME_MOMENT_MS = 20;
/** How many messages are looked at for room, and how often. */
const LOOKS = 1_000;
const LOOK_EVERY_MS = 250;

/** In Redis, for all processes with a module of this name. A message is one hash, and ends by itself. */
export class RedisReceiptStore extends ReceiptStore {
  /** From when on Redis may be asked, after it has not answered in time. */
  #silentUntil = 0;
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #refreshing = Promise.resolve();
  #ids: Iterator<string, undefined> | undefined;

  constructor(
    private readonly redis: ReceiptRedis,
    private readonly name: string,
    settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>,
  ) {
    super(settings);
  }

  /** Goes on where it ended, with a limited number of messages. */
  override refresh(): Promise<void> {
    const now = performance.now();
    if (now - this.#refreshedAt < LOOK_EVERY_MS) return this.#refreshing;
    this.#refreshedAt = now;
    const looks: Promise<unknown>[] = [];
    while (looks.length < LOOKS) {
      const { value: id } = (this.#ids ??= this.ids).next();
      if (id === undefined) this.#ids = undefined;
      if (id === undefined) break;
      looks.push(this.awaitedOf(id));
    }
    this.#refreshing = Promise.allSettled(looks).then(() => undefined);
    return this.#refreshing;
  }

  async expect(request: TrackedRequest): Promise<void> {
    const { messageId: id, name, userIds, since } = request;
    const now = performance.now();
    if (since !== undefined && now - since < SAME_MOMENT_MS) return;
    request.since = now;
    const args = [name, this.settings.awaitMs, ...userIds.map(toField)];
    const awaited = Number(await this.#run(EXPECT, id, args));
    const own = this.find(id) ?? { id, awaited: 0, until: 0 };
    this.keep(own);
    this.count(own, awaited);
  }

  async withdraw({ messageId, name, userIds }: TrackedRequest): Promise<number | undefined> {
    return this.#note(messageId, await this.#run(WITHDRAW, messageId, [name, ...userIds.map(toField)]));
  }

  async confirm(userId: string, messageId: string): Promise<TakenReceipt> {
    const [taken, awaited] = (await this.#run(CONFIRM, messageId, [toField(userId)])) as [
      taken: string | number,
      awaited?: number,
    ];
    if (awaited === undefined) return [taken as 'repeated'];
    return [Number(taken), this.#note(messageId, awaited)];
  }

  async awaitedOf(messageId: string): Promise<number | undefined> {
    return this.#note(messageId, await this.#run(LOOK, messageId, ['count']));
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const [leftMs, hash] = (await this.#run(LOOK, messageId, ['all'])) as [number, string[]];
    const [confirmed, awaited]: [string[], string[]] = [[], []];
    for (let at = 0; at < hash.length; at += 2) {
      const [field = '', value] = hash.slice(at, at + 2).map(String);
      if (field.startsWith(':')) (value === '!' ? confirmed : awaited).push(field.slice(1));
    }
    return toStatus(confirmed, awaited, Number(leftMs));
  }

  /** @param awaited what Redis says of a message: nothing if it does not know it */
  #note(id: string, awaited: unknown): number | undefined {
    const own = this.find(id);
    const count = typeof awaited === 'number' || typeof awaited === 'string' ? Number(awaited) : undefined;
    if (own !== undefined && count) this.count(own, count);
    else if (own !== undefined) this.forget(own);
    return count;
  }

  /**
   * Asks Redis, whose answer may come late. Once one has not come in time, commands are refused at once, so that nothing
   * piles up: the one that waits shows when Redis answers again.
   */
  async #run(script: LuaScript, messageId: string, args: readonly (string | number)[]): Promise<unknown> {
    const now = performance.now();
    if (now < this.#silentUntil) throw new Error('Redis is silent');
    if (this.#silentUntil > 0) this.#silentUntil = now + PROBE_EVERY_MS;
    const key = `rtc:receipts:${this.name}:${messageId}`;
    const answer = script.run(this.redis as Redis, [key], args).finally(() => (this.#silentUntil = 0));
    waitFor(answer, ANSWER_LIMIT_MS).catch((error: unknown) => {
      if (error instanceof Interrupted) this.#silentUntil = performance.now() + PROBE_EVERY_MS;
    });
    return await answer;
  }
}

/** Of a user in the hash of a message, where other things stand too. */
function toField(userId: string): string {
  return `:${userId}`;
}
