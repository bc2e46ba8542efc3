import { describe, expect, it } from '@jest/globals';
import { RateLimiter } from '../../lib/quota/rate-limiter.js';
import { SimulatedSender } from '../support/simulated-sender.js';
import { mostInASecond, SimulatedService, SimulatedTime } from '../support/simulated-service.js';

// What the rule itself yields to a fan-out that begins with all permits free. The speed of the machine has no part in
// it, which `npm run bench:fanout` measures.

const LIMIT = 500;
const REQUESTS = 1_667;

interface Line {
  readonly there: readonly [number, number];
  readonly singles?: number;
  /** The process stands still for 30 ms in every 250. */
  readonly stalls?: boolean;
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

async function send({ there, singles = 0, stalls = false }: Line, seed: number) {
  const random = seeded(seed);
  const time = new SimulatedTime();
  const service = new SimulatedService(time, random, { there, back: [0.5, 1], serviceMs: 1 });
  const limiter = new RateLimiter({ limit: LIMIT, maxQueue: 1_000, time });
  const sending = { timeoutMs: 5_000, sockets: 256, concurrency: 60 };
  const sender = new SimulatedSender(time, service, limiter, random, sending);
  sender.start(REQUESTS);
  for (let single = 0; single < singles; single++) time.at(random() * 3_300, () => sender.sendOne());
  if (stalls) for (let at = 250; at < 5_000; at += 250) time.at(at, () => time.stall(30), true);
  await time.run(6_000);
  const last = Math.max(...sender.acceptedRecipients.map(({ at }) => at));
  const waits = sender.waits.toSorted((one, other) => one - other);
  return {
    accepted: sender.accepted - singles,
    share: sender.accepted / ((last / 1_000) * LIMIT),
    most: mostInASecond(service.arrivals),
    p95: waits[Math.ceil(waits.length * 0.95) - 1] ?? 0,
  };
}

describe('the rule of the permits', () => {
  it.each<[string, Line, number]>([
    ['a quiet line, beside single sends', { there: [0.5, 1], singles: 50 }, 1.02],
    ['a quiet line from a process that stands still now and then', { there: [0.5, 1], stalls: true }, 1.01],
    ['a line of 0 to 30 ms', { there: [0, 30] }, 1.0],
    ['a line of 0 to 100 ms', { there: [0, 100] }, 0.955],
    ['a line of 0 to 100 ms, beside single sends', { there: [0, 100], singles: 50 }, 0.945],
  ])('yields what it should on %s', async (_line, line, least) => {
    for (const seed of [1, 2, 3, 4, 5, 6]) {
      const { accepted, share, most, p95 } = await send(line, seed);
      expect(accepted).toBe(REQUESTS);
      expect(most).toBeLessThanOrEqual(LIMIT);
      expect(share).toBeGreaterThan(least);
      expect(p95).toBeLessThan(10);
    }
  });
});
