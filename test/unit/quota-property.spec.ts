import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { burstOf } from '../../lib/quota/permit-pool.js';
import { RateLimiter } from '../../lib/quota/rate-limiter.js';
import { SimulatedSender } from '../support/simulated-sender.js';
import {
  type Conditions,
  mostInASecond,
  SimulatedService,
  SimulatedTime,
} from '../support/simulated-service.js';
import { runs } from '../support/properties.js';

/** What happens to the service, the way and the process, one after the other. */
type Phase =
  | { readonly kind: 'conditions'; readonly forMs: number; readonly conditions: Conditions }
  | { readonly kind: 'frozen'; readonly forMs: number }
  | { readonly kind: 'stall'; readonly forMs: number };

interface Course {
  readonly seed: number;
  readonly limit: number;
  readonly phases: readonly Phase[];
  readonly concurrency: number;
  readonly sockets: number;
  readonly timeoutMs: number;
  readonly abortShare: number;
  /** Permits that each request costs. */
  readonly cost: number;
  /** Single sends among it all. */
  readonly singles: number;
}

const QUIET: Conditions = { there: [0.5, 1], back: [0.5, 1], serviceMs: 0 };
/** The longest way there: what is given up has been read by then, or will be when the service is no longer frozen. */
const LONGEST_THERE_MS = 250;

const delay = fc
  .tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 150 }))
  .map(([least, more]) => [least, least + more] as const);
const conditions: fc.Arbitrary<Conditions> = fc.record({
  there: delay,
  back: delay,
  serviceMs: fc.constantFrom(0, 2, 40, 400, 2_500),
});
const phase: fc.Arbitrary<Phase> = fc.oneof(
  fc.record({
    kind: fc.constant('conditions' as const),
    forMs: fc.integer({ min: 100, max: 4_000 }),
    conditions,
  }),
  fc.record({ kind: fc.constant('frozen' as const), forMs: fc.constantFrom(300, 1_500, 5_000, 14_000) }),
  fc.record({ kind: fc.constant('stall' as const), forMs: fc.integer({ min: 1, max: 3_000 }) }),
);
const course: fc.Arbitrary<Course> = fc.record({
  seed: fc.nat(),
  limit: fc.oneof(fc.constantFrom(20, 100), fc.integer({ min: 20, max: 300 })),
  phases: fc.array(phase, { minLength: 1, maxLength: 5 }),
  concurrency: fc.constantFrom(1, 20, 64, 400, 1_000),
  sockets: fc.constantFrom(1, 8, 64, 256),
  timeoutMs: fc.constantFrom(LONGEST_THERE_MS + 1, 1_000, 5_000),
  abortShare: fc.constantFrom(0, 0, 0.1, 0.6),
  cost: fc.constantFrom(1, 1, 3),
  singles: fc.constantFrom(0, 50),
});

/** Plays a course, and says what the service counted. */
async function play(
  given: Course,
  credit: boolean,
  settleMs = 3_000,
): Promise<{ most: number; service: SimulatedService }> {
  const { seed, limit, phases, singles, cost, abortShare, ...sending } = given;
  const time = new SimulatedTime();
  const random = seededRandom(seed);
  const service = new SimulatedService(time, random, QUIET);
  const limiter = new RateLimiter({ limit, maxQueue: 1_000_000, credit, time });
  const sender = new SimulatedSender(time, service, limiter, random, {
    ...sending,
    abortShare,
    // Who aborts sooner than the way takes: then it is the next one's answer that comes too early to prove anything.
    abortAfterMs: LONGEST_THERE_MS,
    cost: () => cost,
  });
  let at = 1_500;
  for (const phase of phases) {
    if (phase.kind === 'stall') time.at(at, () => time.stall(phase.forMs), true);
    else {
      const next = phase.kind === 'frozen' ? { ...QUIET, isFrozen: true } : phase.conditions;
      time.at(at, () => service.become(next), true);
      if (phase.kind === 'frozen') time.at(at + phase.forMs, () => service.become(QUIET), true);
    }
    at += phase.forMs;
  }
  time.at(at, () => service.become(QUIET), true);
  for (let index = 0; index < singles; index++) time.at(random() * at, () => sender.sendOne());
  sender.start();
  await time.run(at + settleMs);
  return { most: mostInASecond(service.arrivals), service };
}

describe('the quota', () => {
  it('is never exceeded in any second without credit, whatever the service, the network and the process do', async () => {
    await fc.assert(
      fc.asyncProperty(course, async (given) => {
        const { most } = await play(given, false);
        expect(most).toBeLessThanOrEqual(given.limit);
      }),
      { numRuns: runs(40) },
    );
  });

  it('is exceeded with credit by no more than a network that becomes faster at once allows', async () => {
    await fc.assert(
      fc.asyncProperty(course, async (given) => {
        const { most } = await play(given, true);
        const ways = [
          QUIET,
          ...given.phases.map((one) => (one.kind === 'conditions' ? one.conditions : QUIET)),
        ];
        const shortening = Math.max(
          ...ways.slice(1).map(({ there }, index) => ways[index]!.there[0] - there[0]),
          ...ways.map(({ there }) => there[0] - QUIET.there[0]),
        );
        // And never by more than the most credit that there is.
        const early = Math.min(Math.max(0, shortening), 150) / 1_000;
        expect(most).toBeLessThanOrEqual(Math.ceil(given.limit * (1 + early * 1.2)) + given.cost);
      }),
      { numRuns: runs(30) },
    );
  });

  it.each([
    [20, 1, 0],
    [100, 1, 0],
    [100, 1, 30],
    [300, 1, 0],
  ])(
    'is exceeded by a burst and half of the shortening at most where the way there becomes %d → %d ms (back: %d)',
    async (before, after, back) => {
      const wayOf = (there: number): Conditions => {
        return { there: [there, there + 0.3], back: [back, back + 0.3], serviceMs: 0 };
      };
      const limit = 100;
      for (let at = 12_500; at < 13_500; at += 125) {
        const time = new SimulatedTime();
        const random = seededRandom(at);
        const service = new SimulatedService(time, random, wayOf(before));
        const limiter = new RateLimiter({ limit, maxQueue: 1, time });
        const sending = { timeoutMs: 5_000, sockets: 256, concurrency: 100 };
        time.at(at, () => service.become(wayOf(after)), true);
        new SimulatedSender(time, service, limiter, random, sending).start();
        await time.run(at + 2_500);
        const early = Math.min((before - after) / 2, 150) / 1_000;
        expect(mostInASecond(service.arrivals)).toBeLessThanOrEqual(
          limit + Math.ceil(early * limit) + burstOf(limit),
        );
      }
    },
  );

  it('has all its permits again soon after the service recovers', async () => {
    await fc.assert(
      fc.asyncProperty(course, async (given) => {
        const all = {
          ...given,
          limit: Math.min(given.limit, 60),
          concurrency: 64,
          sockets: 64,
          abortShare: 0,
          cost: 1,
        };
        // A probe is let go every half minute at least, and what it proves takes two seconds.
        const { service } = await play(all, false, 34_000);
        const end = Math.max(...service.arrivals.map(({ at }) => at));
        const last = service.arrivals.filter(({ at }) => at > end - 1_000).length;
        expect(last).toBeGreaterThan(0.9 * all.limit);
      }),
      { numRuns: runs(12) },
    );
  });
});
