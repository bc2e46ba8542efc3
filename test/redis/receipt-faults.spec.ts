import { describe, expect, it } from '@jest/globals';
import { runReceipts } from '../faults/receipt-run.js';
import { redisForSuite } from '../support/redis.js';

const MESSAGES = Number(process.env['SENDS'] ?? 400);
const SEED = Number(process.env['SEED'] ?? 23);

describe(`${MESSAGES} messages with receipts that Redis keeps, over a mix of faults (seed ${SEED})`, () => {
  const redis = redisForSuite();

  it.each([
    ['with room for all', {}, 0],
    ['where few may be awaited, for less time than a retry takes', { maxAwaited: 600, awaitMs: 3_000 }, 4],
  ])(
    'are shown once, and it is known who has each, %s',
    async (_where, receipts, retryAfter) => {
      await redis.client.flushall();
      const run = {
        messages: MESSAGES,
        seed: SEED,
        receipts: { ...receipts, redis: redis.client },
        retryAfter,
      };
      const { faults, counts, expected, outcomes } = await runReceipts(run);
      process.stdout.write(`\n${JSON.stringify({ outcomes, counts, expected, faults: faults.length })}\n`);
      expect(faults.slice(0, 5)).toEqual([]);
      if (retryAfter === 0) expect(counts).toMatchObject({ confirmed: expected, not_awaited: 0 });
    },
    120_000 + MESSAGES * 60,
  );
});
