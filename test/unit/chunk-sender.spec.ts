import { describe, expect, it } from '@jest/globals';
import type { FailureOutcome, Outcome } from '../../lib/errors/attempt.js';
import { RtcApiError } from '../../lib/errors/rtc-api.error.js';
import { type ChunkProgress, ChunkSender } from '../../lib/fan-out/chunk-sender.js';
import { FanOutTally } from '../../lib/fan-out/fan-out-tally.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';

const failure = (outcome: FailureOutcome, apiCode = 'FailToConnect', throttled?: true): RtcApiError =>
  new RtcApiError(apiCode, {
    outcome,
    httpStatus: 400,
    apiCode,
    attempts: [{ outcome, phase: 'done', startedAt: '', durationMs: 1, ...(throttled && { throttled }) }],
  });
const TOO_MANY = failure('rejected', 'InvalidParameter.UserCountOverLimit');
const THROTTLED = failure('rejected', 'FlowLimitExceeded', true);

/**
 * Sends a chunk in requests of so many recipients.
 * @param ends of the requests, one after another; the rest is accepted
 * @returns what was asked before each request, and the sums
 */
async function sent(
  recipients: readonly string[],
  size: number,
  ends: (Outcome | RtcApiError)[] = [],
  host = { chunkSize: Number.POSITIVE_INFINITY },
) {
  const asked: ChunkProgress[] = [];
  const tally = new FanOutTally(false, true);
  const sender = new ChunkSender(
    async (_recipients, { beforeSend }) => {
      await beforeSend?.();
      const end = ends.shift() ?? 'accepted';
      if (end === 'accepted') return { requestId: 'r', attempts: [], possibleDuplicate: false };
      throw end instanceof RtcApiError ? end : failure(end);
    },
    host,
    size,
    60_000,
  );
  const parts = sender.sendChunk({ index: 0, recipients }, tally, {
    stop: new Cancellation(),
    fanOut: { module: 'default', id: 'f', startedAt: '' },
    beforeSend: async (progress) => {
      asked.push(progress);
      return true;
    },
  });
  for await (const { stop } of parts) expect(stop).toBeUndefined();
  return { asked, sums: tally.sums };
}

describe('the progress of a chunk that is sent in parts', () => {
  it('has the part in flight, and the rest not', async () => {
    const { asked, sums } = await sent(['a', 'b', 'c', 'd', 'e'], 2);
    expect(asked).toEqual([
      { inFlight: ['a', 'b'], rest: ['c', 'd', 'e'], accepted: 0 },
      { inFlight: ['c', 'd'], rest: ['e'], accepted: 2 },
      { inFlight: ['e'], rest: [], accepted: 4 },
    ]);
    expect(sums.accepted).toBe(5);
  });

  it('has the same part once more when it is sent again, or a smaller one', async () => {
    const refusals = [THROTTLED, THROTTLED];
    const host = {
      // After the second refusal, the service is known to take one at a time.
      get chunkSize() {
        return refusals.length === 0 ? 1 : Number.POSITIVE_INFINITY;
      },
    };
    const { asked } = await sent(['a', 'b', 'c'], 3, refusals, host);
    expect(asked).toEqual([
      { inFlight: ['a', 'b', 'c'], rest: [], accepted: 0 },
      { inFlight: ['a', 'b', 'c'], rest: [], accepted: 0 },
      { inFlight: ['a'], rest: ['b', 'c'], accepted: 0 },
      { inFlight: ['b'], rest: ['c'], accepted: 1 },
      { inFlight: ['c'], rest: [], accepted: 2 },
    ]);
  });

  it('keeps recipients with an unknown outcome in flight, and refused ones to be sent', async () => {
    const { asked, sums } = await sent(['a', 'b', 'c', 'd'], 1, ['unknown', 'rejected']);
    expect(asked.slice(0, 3)).toEqual([
      { inFlight: ['a'], rest: ['b', 'c', 'd'], accepted: 0 },
      { inFlight: ['a', 'b'], rest: ['c', 'd'], accepted: 0 },
      { inFlight: ['a', 'c'], rest: ['b', 'd'], accepted: 0 },
    ]);
    expect(sums).toEqual({ accepted: 2, rejected: 1, unknown: 1, notAttempted: 0 });
  });

  it('has both halves of a part that was too large', async () => {
    const { asked } = await sent(['a', 'b', 'c'], 600, [TOO_MANY]);
    expect(asked).toEqual([
      { inFlight: ['a', 'b', 'c'], rest: [], accepted: 0 },
      { inFlight: ['a', 'b'], rest: ['c'], accepted: 0 },
      { inFlight: ['c'], rest: [], accepted: 2 },
    ]);
  });

  it('keeps duplicate recipients apart', async () => {
    const { asked } = await sent(['a', 'a', 'b'], 1);
    expect(asked[1]).toEqual({ inFlight: ['a'], rest: ['b'], accepted: 1 });
  });
});
