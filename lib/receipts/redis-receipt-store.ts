import type { Redis } from 'ioredis';
import { LuaScript } from '../redis-client/lua-script.js';
import receipts from './lua/receipts.lua.js';
import type { ReceiptSettings } from './receipt-options.js';
import { type ReceiptStore, toStatus } from './receipt-store.js';

const RECEIPTS = new LuaScript('receipts', receipts);
/** How long an answer is waited for, in milliseconds: a client that is not connected lets commands wait. */
export const ANSWER_LIMIT_MS = 1_000;

/** In Redis, for all processes with a module of this name. A message is one hash, and ends by itself. */
export class RedisReceiptStore implements ReceiptStore {
  /** Commands that were not answered in time, and still may be. */
  #late = 0;

  constructor(
    private readonly redis: unknown,
    private readonly name: string,
    private readonly settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>,
  ) {}

  async expect(messageId: string, userIds: readonly string[]): Promise<boolean> {
    return Number(await this.#run('expect', messageId, userIds)) === 1;
  }

  async withdraw(messageId: string, userIds: readonly string[]): Promise<void> {
    await this.#run('withdraw', messageId, userIds);
  }

  async confirm(userId: string, messageId: string): Promise<number | 'repeated' | 'not_awaited'> {
    const taken = await this.#run('confirm', messageId, [userId]);
    return taken === 'repeated' || taken === 'not_awaited' ? taken : Number(taken);
  }

  async awaited(messageId = 'all'): Promise<number> {
    return Number(await this.#run('look', messageId));
  }

  async status(messageId: string) {
    const [leftMs, hash] = (await this.#run('status', messageId)) as [number, string[]];
    const [confirmed, awaited]: [string[], string[]] = [[], []];
    for (let at = 0; at < hash.length; at += 2) {
      const [field = '', value] = hash.slice(at, at + 2);
      if (field.startsWith(':')) (value === '!' ? confirmed : awaited).push(field.slice(1));
    }
    return toStatus(confirmed, awaited, Number(leftMs));
  }

  /** While answers are late, commands are refused at once, so that nothing piles up. */
  async #run(step: string, messageId: string, userIds: readonly string[] = []): Promise<unknown> {
    if (this.#late > 0) throw new Error('Redis is silent');
    const { awaitMs, maxAwaited } = this.settings;
    const base = `rtc:{receipts:${this.name}}`;
    const keys = [`${base}:${messageId}`, `${base}-awaited`, `${base}-ends`];
    const users = userIds.map((userId) => `:${userId}`);
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#late += 1;
    }, ANSWER_LIMIT_MS).unref();
    try {
      const args = [messageId, step, awaitMs, maxAwaited, ...users];
      return await RECEIPTS.run(this.redis as Redis, keys, args);
    } finally {
      clearTimeout(timer);
      if (isLate) this.#late -= 1;
    }
  }
}
