import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Priority } from '../../lib/quota/permit-pool.js';
import { RateLimiter } from '../../lib/quota/rate-limiter.js';
import { LEASE_MS, TAKE_PERMITS_LUA } from '../../lib/redis/permit-script.js';
import { RedisPermits } from '../../lib/redis/redis-permits.js';
import { mostInAnySecond } from '../support/redis-quota.js';
import { type StartedRedis, startRedis } from '../support/redis.js';

// Processes, the way to Redis and the service are simulated, so that what is measured depends on no machine. The
// script runs in Redis, by the simulation's clock.

const LIMIT = 500;
/** What is measured begins after the pause of a first start, and a second more for its burst. */
const [FROM_MS, TO_MS] = [3_000, 12_000];
const PAUSE_AT_MS = 5_000;
const EPOCH_MS = 1_000_000_000;
const TIMED_SCRIPT = TAKE_PERMITS_LUA.replace(
  "redis.call('TIME')",
  "{0, redis.call('GET', KEYS[2]) * 1000}",
).replace(/redis\.call\('PEXPIRE'.*\)/g, '');

type Client = Redis & { take(...args: (string | number)[]): Promise<unknown> };
let redis: StartedRedis;
let client: Client;
beforeAll(async () => {
  redis = await startRedis({ own: true });
  client = new Redis(redis.url) as Client;
  client.defineCommand('take', { lua: TIMED_SCRIPT, numberOfKeys: 2 });
  await client.ping();
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await client.flushall();
  random = seeded(1);
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'hrtime'] });
});
afterEach(() => {
  jest.useRealTimers();
});

let random: () => number;
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Scenario {
  readonly processes?: number;
  readonly redisMs?: number;
  /** How many requests of a fan-out each process has in flight. */
  readonly inFlight?: number;
  /** In place of a fan-out's: so many come in a second, one by one. */
  readonly perSecond?: number;
  /** How long all fan-outs pause. Their chunks come within a tenth of a second after it. */
  readonly pauseMs?: number;
  /** One more process sends one of these every so often. */
  readonly singleEveryMs?: number;
}

async function simulate(scenario: Scenario): Promise<{
  share: number;
  most: number;
  perRequest: number;
  leastShare: number;
  singleP95: number;
  afterPause: number;
}> {
  const {
    processes = 4,
    redisMs = 1,
    inFlight = 64,
    perSecond = 0,
    pauseMs = 0,
    singleEveryMs = 0,
  } = scenario;
  const sent: { process: number; at: number }[] = [];
  const waits: number[] = [];
  let commands = 0;
  const evaluating = new Set<object>();

  const connection = {
    acquire: () => undefined,
    release: () => undefined,
    run: async (_script: unknown, _keys: unknown, args: readonly (string | number)[]) => {
      const oneWay = (): Promise<void> => later((redisMs / 2) * (0.6 + 0.8 * random()));
      await oneWay();
      evaluating.add(args);
      if (performance.now() > FROM_MS) commands += 1;
      await client.set('now', EPOCH_MS + performance.now());
      const reply = await client.take('permits', 'now', ...args);
      evaluating.delete(args);
      await oneWay();
      return { reply };
    },
  };
  const limiters = Array.from(
    { length: processes + 1 },
    () =>
      new RateLimiter({
        limit: LIMIT,
        maxQueue: 1_000,
        openShared: (scope) => new RedisPermits(connection, 'key', scope),
      }),
  );
  const send = async (process: number, priority: Priority): Promise<void> => {
    const asked = performance.now();
    const request = { priority, permits: 1, recipients: 1, withinMs: 60_000 };
    const entered = limiters[process]!.enter(request);
    const permit = 'granted' in entered ? await entered.granted : entered;
    if (priority === 'single') waits.push(performance.now() - asked);
    await later(0.5 + 2 * random());
    sent.push({ process, at: performance.now() });
    await later(0.5 + 2 * random());
    permit.giveBack('accepted');
  };
  const pauseEndsAt = PAUSE_AT_MS + pauseMs;
  const repeat = async (action: () => Promise<void>): Promise<void> => {
    while (performance.now() < TO_MS) {
      if (performance.now() > PAUSE_AT_MS)
        await later(Math.max(0, pauseEndsAt + 100 * random() - performance.now()));
      await action();
    }
  };
  const running: Promise<void>[] = [];
  for (let process = 0; process < processes; process++) {
    if (perSecond === 0) for (let n = 0; n < inFlight; n++) running.push(repeat(() => send(process, 'bulk')));
    else
      running.push(
        send(process, 'bulk').then(() =>
          repeat(async () => {
            running.push(send(process, 'bulk'));
            await later((1_000 / perSecond) * (0.8 + 0.4 * random()));
          }),
        ),
      );
  }
  if (singleEveryMs > 0)
    running.push(
      repeat(async () => {
        await later(singleEveryMs);
        await send(processes, 'single');
      }),
    );

  // Time stands still while Redis computes.
  const settle = async (): Promise<void> => {
    do await new Promise(setImmediate);
    while (evaluating.size > 0);
  };
  while (performance.now() < TO_MS) {
    await settle();
    jest.advanceTimersByTime(1);
  }
  await settle();
  for (const limiter of limiters) limiter.close();
  const measured = sent.filter(({ at }) => at > FROM_MS && at <= TO_MS);
  const ofEach = Array.from(
    { length: processes },
    (_none, process) => measured.filter((one) => one.process === process).length,
  );
  return {
    share: measured.length / (((TO_MS - FROM_MS) / 1_000) * LIMIT),
    most: mostInAnySecond(sent.map(({ at }) => at)),
    perRequest: commands / measured.length,
    leastShare: Math.min(...ofEach) / measured.length,
    afterPause: sent.filter(({ at }) => at > pauseEndsAt && at <= pauseEndsAt + 1_000).length / LIMIT,
    singleP95: waits.toSorted((one, other) => one - other)[Math.floor(waits.length * 0.95)] ?? 0,
  };
}

describe('permits that simulated processes share', () => {
  it.each<[string, Scenario, { share: number; perRequest: number; leastShare: number }]>([
    ['four fan-outs', {}, { share: 0.99, perRequest: 0.05, leastShare: 0.2 }],
    ['sixteen fan-outs', { processes: 16 }, { share: 0.985, perRequest: 0.15, leastShare: 0.04 }],
    ['four fan-outs 10 ms from Redis', { redisMs: 10 }, { share: 0.99, perRequest: 0.05, leastShare: 0.2 }],
    [
      'one fan-out 20 ms from Redis',
      { processes: 1, redisMs: 20 },
      { share: 0.99, perRequest: 0.05, leastShare: 1 },
    ],
    [
      'sixteen processes whose requests come one by one',
      { processes: 16, perSecond: 25 },
      { share: 0.75, perRequest: 0.2, leastShare: 0.05 },
    ],
  ])('are spent by %s, with few commands and never exceeded', async (_who, scenario, least) => {
    const { share, most, perRequest, leastShare } = await simulate(scenario);
    expect(most).toBeLessThanOrEqual(LIMIT);
    expect(share).toBeGreaterThan(least.share);
    expect(perRequest).toBeLessThan(least.perRequest);
    expect(leastShare).toBeGreaterThanOrEqual(least.leastShare);
  });

  it.each([
    [1_500, 4],
    [2_200, 8],
    [3_500, 16],
  ])(
    'are all there again for fan-outs that begin after %d ms, in %d processes',
    async (pauseMs, processes) => {
      const { afterPause, most } = await simulate({ pauseMs, processes });
      expect(most).toBeLessThanOrEqual(LIMIT);
      expect(afterPause).toBeGreaterThan(0.95);
    },
  );

  it('are there for single sends at once, beside four fan-outs that lose little', async () => {
    const { share, most, singleP95 } = await simulate({ singleEveryMs: 70 });
    expect(most).toBeLessThanOrEqual(LIMIT);
    expect(share).toBeGreaterThan(0.96);
    expect(singleP95).toBeLessThan(10);
  });

  it('have left a second before the lease ends, since others send with them from then on', async () => {
    const endsAt: number[] = [];
    const run = async () => ({ reply: [EPOCH_MS, 1, 5, 5, 0].map(String) });
    const source = new RedisPermits({ acquire: () => undefined, release: () => undefined, run }, 'key', {
      demand: () => ({ limit: LIMIT, out: 0, wanted: 5, together: 1 }),
      onPermits: (held) => endsAt.push(held.endsAt),
    });
    source.request();
    await new Promise(setImmediate);
    source.close();
    expect(endsAt.at(-1)! - performance.now()).toBeLessThanOrEqual(LEASE_MS - 1_000);
  });
});
