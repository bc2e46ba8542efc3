import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import type { ThrottlingEstimate } from '../../lib/quota/adaptive-limit.js';
import { RateLimiter } from '../../lib/quota/rate-limiter.js';
import { accountOf } from '../support/simulated-account.js';
import { SimulatedSender } from '../support/simulated-sender.js';
import { SimulatedService, SimulatedTime } from '../support/simulated-service.js';

interface Account {
  /** What the service takes in a second, of requests or of recipients. */
  readonly allowed?: (now: number) => number;
  readonly counts?: 'requests' | 'recipients';
  readonly roundTripMs?: number;
  readonly seed?: number;
  /** Of each request, as it comes from the fan-out. */
  readonly chunk?: number;
  readonly costPer?: 'request' | 'recipient';
  readonly recipients?: number;
  readonly forMs?: number;
  readonly limit?: number;
}

/** Sends to an account that allows something else than the limit of 500, and looks at what comes of it. */
async function simulate({
  allowed = () => 500,
  counts = 'recipients',
  roundTripMs = 50,
  seed = 1,
  chunk = 600,
  costPer = 'request',
  recipients = Number.POSITIVE_INFINITY,
  forMs = 120_000,
  limit = 500,
}: Account) {
  const time = new SimulatedTime();
  const random = seededRandom(seed);
  const way = [0.5, roundTripMs / 2] as const;
  const account = accountOf(allowed, (count) => (counts === 'recipients' ? count : 1));
  const service = new SimulatedService(time, random, { there: way, back: way, serviceMs: 0 }, account);
  const told: (ThrottlingEstimate | undefined)[] = [];
  const onThrottling = (estimate: ThrottlingEstimate | undefined): void => void told.push(estimate);
  const limiter = new RateLimiter({ limit, maxQueue: 1, time, onThrottling });
  const sender = new SimulatedSender(time, service, limiter, random, {
    timeoutMs: 5_000,
    sockets: 256,
    concurrency: 48,
    recipients: chunk,
    cost: (count) => (costPer === 'recipient' ? count : 1),
  });
  sender.start(recipients);
  await time.run(forMs);
  const accepted = sender.acceptedRecipients;
  const total = accepted.reduce((sum, one) => sum + one.recipients, 0);
  const end = accepted.at(-1)!.at;
  let half = 0;
  for (let sum = 0, index = 0; sum < total / 2; index++) {
    sum += accepted[index]!.recipients;
    half = accepted[index]!.at;
  }
  /** Recipients a second, or requests. */
  const rate = (from: number, to: number, of: 'recipients' | 'requests' = 'recipients'): number => {
    const within = accepted.filter(({ at }) => at >= from && at < to);
    const count = of === 'requests' ? within.length : within.reduce((sum, one) => sum + one.recipients, 0);
    return (count / (to - from)) * 1_000;
  };
  return {
    total,
    throttled: sender.throttled,
    end,
    secondHalf: total / 2 / ((end - half) / 1_000),
    rate,
    told,
    limiter,
  };
}

describe("the limit that a service's refusals teach", () => {
  it.each([4, 20, 50].flatMap((roundTripMs) => [1, 2, 3].map((seed) => [roundTripMs, seed])))(
    'counts recipients after a handful of refusals: round trip %i ms, seed %i',
    async (roundTripMs, seed) => {
      const { total, throttled, secondHalf, limiter, told } = await simulate({
        recipients: 30_000,
        roundTripMs: roundTripMs!,
        seed: seed!,
      });
      expect(total).toBe(30_000);
      expect(throttled).toBeLessThanOrEqual(20);
      // 85 % are asked for.
      expect(secondHalf).toBeGreaterThan(450);
      expect(limiter.usage.chunkSize).toBe(19);
      expect(told).toHaveLength(1);
      const { permitsPerSecond, chunkSize } = told[0]!;
      expect(permitsPerSecond * chunkSize!).toBeGreaterThan(430);
      expect(permitsPerSecond * chunkSize!).toBeLessThan(530);
    },
  );

  it('does not change where the cost is set as the service counts', async () => {
    const { throttled, rate } = await simulate({ chunk: 25, costPer: 'recipient', forMs: 20_000 });
    expect(throttled).toBe(0);
    expect(rate(0, 20_000)).toBeGreaterThan(475);
  });

  it('is half of all while others use the other half, and is whole again when they are gone', async () => {
    const { throttled, rate, told } = await simulate({
      allowed: (now) => (now < 60_000 ? 250 : 500),
      counts: 'requests',
      chunk: 1,
      forMs: 150_000,
    });
    expect(throttled).toBeLessThan(30);
    expect(rate(5_000, 60_000)).toBeGreaterThan(225);
    expect(rate(115_000, 150_000)).toBeGreaterThan(470);
    expect(told).toHaveLength(2);
    expect(told[0]!.permitsPerSecond).toBeGreaterThan(225);
    expect(told[1]).toBeUndefined();
  });

  it.each([
    ['requests', 'request', 600, 10],
    ['requests', 'request', 600, 60],
    ['recipients', 'recipient', 25, 30],
    ['recipients', 'request', 600, 60],
  ] as const)(
    'is back soon after the service refused everything for a while (%s, cost per %s, chunks of %i, %i s)',
    async (counts, costPer, chunk, seconds) => {
      const [from, to] = [20_000, 20_000 + seconds * 1_000];
      const { throttled, rate, limiter } = await simulate({
        allowed: (now) => (now > from && now < to ? 0 : 500),
        counts,
        costPer,
        chunk,
        forMs: to + 40_000,
      });
      expect(throttled).toBeLessThan(100);
      expect(rate(from + 500, to)).toBe(0);
      expect(rate(to + 25_000, to + 40_000)).toBeGreaterThan(0.85 * rate(10_000, from));
      if (costPer === 'recipient' || counts === 'requests')
        expect(limiter.chunkSize).toBe(Number.POSITIVE_INFINITY);
    },
  );

  it.each([
    ['one that allows as many as before again', 30, 1_000_000, 18_000 * 0.85],
    ['one that allows 17 times as many', 500, 8_500, 8_500 * 0.75],
    ['one that allows 12 times as many', 500, 6_000, 6_000 * 0.75],
  ] as const)('lets chunks grow again at %s, with a limit of %d', async (_account, limit, later, least) => {
    const { rate } = await simulate({
      limit,
      allowed: (now) => (now < 60_000 ? 500 : later),
      forMs: 400_000,
    });
    expect(rate(30_000, 60_000)).toBeGreaterThan(400);
    expect(rate(350_000, 400_000)).toBeGreaterThan(least);
  });

  it('does not count recipients where smaller chunks don’t help', async () => {
    const { throttled, rate } = await simulate({ allowed: () => 5, counts: 'requests', forMs: 200_000 });
    expect(throttled).toBeLessThan(60);
    expect(rate(120_000, 200_000, 'requests')).toBeGreaterThan(4.3);
    expect(rate(120_000, 200_000)).toBeGreaterThan(2_500);
  });

  it('may be less than one request a second', async () => {
    // Permits of ten seconds: one in each.
    let last = Number.NEGATIVE_INFINITY;
    const { throttled, rate } = await simulate({
      allowed: (now) => {
        if (now - last < 10_000) return 0;
        last = now;
        return 1;
      },
      counts: 'requests',
      chunk: 1,
      forMs: 600_000,
    });
    expect(rate(0, 600_000)).toBeGreaterThan(0.04);
    expect(throttled).toBeLessThan(200);
  });

  it('is found in recipients, where both sides count these and the account has fewer', async () => {
    const { throttled, rate } = await simulate({ allowed: () => 250, chunk: 25, costPer: 'recipient' });
    expect(throttled).toBeLessThan(12);
    expect(rate(5_000, 120_000)).toBeGreaterThan(225);
  });
});
