import { tokenOf } from '../config/named-tokens.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { hasMethods, milliseconds, must, wholeNumber } from '../options/rules.js';

/** A client of `ioredis`, single or Cluster: an object with this method will do. */
export interface ReceiptRedis {
  /** Makes a script a method of the client. */
  defineCommand(name: string, definition: { readonly lua: string; readonly numberOfKeys?: number }): void;
}

/** How receipts are awaited: `receipts` of `RtcCallbackModule`. */
export interface RtcReceiptOptions {
  /**
   * Recipients whose receipts are awaited at once, by this process or, with `redis`, by all, 1–10,000,000. More are
   * refused before sending; a fan-out that runs waits for room. Default 100,000.
   */
  readonly maxAwaited?: number | undefined;
  /**
   * How long receipts of a message are awaited and its status is known, from when the last of its requests leaves, in
   * milliseconds, 1,000–86,400,000. Default 300,000 (five minutes).
   */
  readonly awaitMs?: number | undefined;
  /**
   * A connected client of `ioredis`, through which all processes know of all receipts. It is never closed. Its Redis
   * must not evict keys (`noeviction`). Default: each process knows of what it has sent and was posted.
   */
  readonly redis?: ReceiptRedis | undefined;
}

export const RECEIPT_OPTIONS = {
  maxAwaited: { rule: wholeNumber(1, 10_000_000), default: 100_000 },
  awaitMs: { rule: milliseconds(1_000, 86_400_000), default: 300_000 },
  redis: {
    rule: must<ReceiptRedis>('a client of ioredis', (given) => hasMethods(given, 'defineCommand')),
    redacted: true,
  },
} satisfies OptionTable<RtcReceiptOptions>;

/** The options, checked, with defaults. */
export type ReceiptSettings = OptionValues<typeof RECEIPT_OPTIONS>;

/** The injection token, for the library's own modules, of the `Receipts` with this `name`, if any are awaited. */
export const getOwnReceiptsToken = tokenOf<unknown>('nestjs-rtc-messaging:own-receipts', 'own-receipts');
