import type { Redis } from 'ioredis';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { LuaScript } from '../redis-client/lua-script.js';
import { Interrupted, waitFor } from '../waiting/time-box.js';
import { describeFailure } from '../redis-client/redis-failure.js';
import receipts from './lua/receipts.lua.js';
import type { ReceiptRedis, ReceiptSettings } from './receipt-options.js';
import { MemoryReceiptStore, type ReceiptStore } from './receipt-store.js';

const RECEIPTS = new LuaScript('receipts', receipts);
/** How long an answer is waited for, in milliseconds: a client that is not connected lets commands wait. */
const ANSWER_LIMIT_MS = 1_000;

function unknownReceipts(error: unknown): RtcNetworkError {
  const isLate = error instanceof Interrupted;
  const why = isLate ? 'Redis, which keeps them, does not answer' : describeFailure(error);
  const message = `The receipts are not known: ${why}.`;
  return new RtcNetworkError(message, { outcome: 'not_attempted', phase: 'queued' });
}

/** Where a module of this name keeps whose receipts are awaited. */
export function openStore(name: string, { redis, ...limits }: ReceiptSettings): ReceiptStore {
  return redis ? createRedisStore(name, redis.open(), limits) : new MemoryReceiptStore(limits);
}

/** In Redis, for all processes with a module of this name. The steps are a script. */
export function createRedisStore(
  name: string,
  redis: ReceiptRedis,
  limits: ReceiptStore['limits'],
): ReceiptStore {
  const { maxAwaited, awaitMs } = limits;
  const base = `rtc:{receipts:${name}}`;
  /** Commands without an answer, the oldest first. */
  const asked = new Set<{ readonly at: number }>();

  const run = async <T>(step: string, messageId: string, users: readonly string[]): Promise<T> => {
    const command = { at: performance.now() };
    asked.add(command);
    const keys = [`${base}:${messageId}`, `${base}-awaited`, `${base}-ends`];
    const answer = RECEIPTS.run(redis as Redis, keys, [step, messageId, awaitMs, maxAwaited, ...users]);
    return JSON.parse(String(await answer.finally(() => asked.delete(command)))) as T;
  };
  const ask = <T>(step: string, messageId: string, users: readonly string[] = []): Promise<T> => {
    const [oldest = { at: Infinity }] = asked;
    // While an answer is late, nothing more is asked, so that nothing piles up, except to undo what was.
    if (performance.now() - oldest.at > ANSWER_LIMIT_MS && step !== 'withdraw')
      throw unknownReceipts(new Interrupted('timeout'));
    return waitFor(run<T>(step, messageId, users), ANSWER_LIMIT_MS).catch((error: unknown) =>
      Promise.reject(unknownReceipts(error)),
    );
  };
  return {
    limits,
    expect: (messageId, userIds) => ask('expect', messageId, userIds),
    // Redis goes by the order of commands.
    withdraw: (messageId, userIds) => ask('withdraw', messageId, userIds),
    confirm: async (messageId, userId) => ask('confirm', messageId, [userId]),
    look: async (messageIds) => Array.from(await ask<unknown[]>('look', '', messageIds), Number),
    status: async (messageId) => ask('status', messageId),
  };
}
