import { describe, expect, it } from '@jest/globals';
import { type ReceiptRun, runReceipts } from './receipt-run.js';

const MESSAGES = Number(process.env['SENDS'] ?? 1_500);
const SEED = Number(process.env['SEED'] ?? 20_261_127);

describe(`${MESSAGES} messages with receipts to 50 participants over a mix of faults (seed ${SEED})`, () => {
  const run = async (given: Partial<ReceiptRun>) => {
    const result = await runReceipts({ messages: MESSAGES, seed: SEED, ...given });
    process.stdout.write(`\n${JSON.stringify({ ...result, faults: result.faults.length })}\n`);
    expect(result.faults.slice(0, 5)).toEqual([]);
    expect(result.doubled).toBeGreaterThan(MESSAGES / 100);
    return result;
  };

  it(
    'are shown once where they were delivered, and it is known who has each',
    async () => {
      const { counts, expected } = await run({});
      expect(counts).toMatchObject({ confirmed: expected, not_awaited: 0 });
      // Some answers to receipts were lost, so that they were sent again.
      expect(counts.repeated).toBeGreaterThan(0);
    },
    120_000 + MESSAGES * 30,
  );

  it(
    'have true receipts where few may be awaited, for less time than a retry takes',
    async () => {
      const receipts = { maxAwaited: 600, awaitMs: 3_000 };
      const { outcomes } = await run({ receipts, retryAfter: 4 });
      expect(outcomes['batch not_attempted']).toBeGreaterThan(0);
    },
    120_000 + MESSAGES * 60,
  );
});
