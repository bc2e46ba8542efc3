import type { Redis } from 'ioredis';
import { LuaScript } from '../redis/lua-script.js';
import { waitFor } from '../waiting/time-box.js';
import confirm from './lua/confirm.lua.js';
import expect from './lua/expect.lua.js';
import look from './lua/look.lua.js';
import shared from './lua/shared.lua.js';
import withdraw from './lua/withdraw.lua.js';
import type { ReceiptRedis, ReceiptSettings } from './receipt-options.js';
import {
  KEPT_PER_AWAITED,
  type ReceiptStatus,
  type ReceiptStore,
  type TakenReceipt,
  toStatus,
} from './receipt-store.js';

const EXPECT = new LuaScript('expect-receipts', shared + expect);
const WITHDRAW = new LuaScript('withdraw-receipts', shared + withdraw);
const CONFIRM = new LuaScript('confirm-receipts', shared + confirm);
const LOOK = new LuaScript('look-at-receipts', shared + look);
/** A client that is not connected lets commands wait. */
const LIMIT_MS = 1_000;

/** In Redis, for all processes with a module of this name. */
export class RedisReceiptStore implements ReceiptStore {
  constructor(
    private readonly redis: ReceiptRedis,
    private readonly name: string,
    private readonly settings: Pick<ReceiptSettings, 'maxAwaited' | 'awaitMs'>,
  ) {}

  async expect(messageId: string, userIds: readonly string[]): Promise<boolean> {
    const { maxAwaited, awaitMs } = this.settings;
    const limits = [awaitMs, maxAwaited, KEPT_PER_AWAITED * maxAwaited];
    return (await this.#run(EXPECT, messageId, ...limits, ...userIds)) === 1;
  }

  async withdraw(messageId: string, userIds: readonly string[]): Promise<void> {
    await this.#run(WITHDRAW, messageId, ...userIds);
  }

  confirm(userId: string, messageIds: readonly string[]): Promise<TakenReceipt[]> {
    return this.#run(CONFIRM, '', userId, ...messageIds) as Promise<TakenReceipt[]>;
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const [until, users = []] = (await this.#run(LOOK, messageId)) as [until?: string, users?: string[]];
    if (until === undefined) return undefined;
    const fields = users.flatMap((userId, index) =>
      index % 2 === 0 && userId !== '' ? [[userId, users[index + 1]] as const] : [],
    );
    return toStatus(fields, (since) => since === '', Number(until));
  }

  #run(script: LuaScript, messageId: string, ...args: (string | number)[]): Promise<unknown> {
    const prefix = `rtc:receipts:{${this.name}}:`;
    const keys = [`${prefix}untils`, `${prefix}totals`, prefix + messageId];
    return waitFor(() => script.run(this.redis as Redis, keys, [messageId, ...args]), LIMIT_MS);
  }
}
