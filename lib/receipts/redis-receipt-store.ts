import type { Redis } from 'ioredis';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { LuaScript } from '../redis/lua-script.js';
import type { TrackedRequest } from '../services/receipt-tracker.js';
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

  expect(request: TrackedRequest, limitMs = LIMIT_MS): Promise<boolean> {
    return this.#expect(request, 0, Math.min(limitMs, LIMIT_MS));
  }

  hasRoomFor(recipients: number): Promise<boolean> {
    return this.#expect({ messageId: '', request: '', userIds: [] }, recipients);
  }

  /** @param room for how many others there has to be room */
  async #expect(
    { messageId, request, userIds }: TrackedRequest,
    room: number,
    limitMs?: number,
  ): Promise<boolean> {
    const { maxAwaited, awaitMs } = this.settings;
    const args = [
      request,
      awaitMs,
      maxAwaited - room,
      KEPT_PER_AWAITED * maxAwaited,
      ...userIds.map(toField),
    ];
    for (;;) {
      const answer = await this.#run(EXPECT, messageId, args, limitMs);
      if (answer !== 'more') return answer === 1;
    }
  }

  /** Without a limit: it comes after the request that it follows, however late that is. */
  async withdraw({ messageId, request, userIds }: TrackedRequest): Promise<void> {
    const args = [request, this.settings.awaitMs, ...userIds.map(toField)];
    await this.#run(WITHDRAW, messageId, args, Infinity);
  }

  confirm(userId: string, messageIds: readonly string[]): Promise<TakenReceipt[]> {
    return this.#run(CONFIRM, '', [toField(userId), ...messageIds]) as Promise<TakenReceipt[]>;
  }

  async countAwaited(messageId: string): Promise<number | undefined> {
    const [, awaited] = (await this.#run(LOOK, messageId, ['count'])) as [until?: string, awaited?: number];
    return awaited;
  }

  async status(messageId: string): Promise<ReceiptStatus | undefined> {
    const [until, , fields = []] = (await this.#run(LOOK, messageId, ['all'])) as
      [] | [until: string, awaited: number, fields: string[]];
    if (until === undefined) return undefined;
    const users = fields.flatMap((field, index) =>
      index % 2 === 0 && field.startsWith(':')
        ? [[field.slice(1), Number.parseInt(String(fields[index + 1]))] as const]
        : [],
    );
    return toStatus(users, Number(until));
  }

  /** @throws RtcNetworkError when Redis does not answer */
  async #run(
    script: LuaScript,
    messageId: string,
    args: readonly (string | number)[],
    limitMs = LIMIT_MS,
  ): Promise<unknown> {
    const prefix = `rtc:receipts:{${this.name}}:`;
    const keys = [`${prefix}untils`, `${prefix}totals`, prefix + messageId];
    const run = (): Promise<unknown> => script.run(this.redis as Redis, keys, [messageId, ...args]);
    try {
      return await (limitMs === Infinity ? run() : waitFor(run, limitMs));
    } catch {
      const message = 'The receipts are not known: Redis, which keeps them, does not answer.';
      throw new RtcNetworkError(message, { outcome: 'not_attempted', phase: 'queued' });
    }
  }
}

/** Of a user in the hash of a message, where requests stand too. */
function toField(userId: string): string {
  return `:${userId}`;
}
