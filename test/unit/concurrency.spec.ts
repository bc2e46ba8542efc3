import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { RateLimiter, type RequestPermit } from '../../lib/quota/rate-limiter.js';
import { SimulatedTime } from '../support/simulated-service.js';

describe('the concurrency of a fan-out', () => {
  /** Keeps as many requests in flight as the limiter says, and reports on the last three of so many seconds. */
  async function play(limit: number, roundTripMs: (now: number) => number, seconds = 10) {
    const clock = new SimulatedTime();
    const simulated = new RateLimiter({ limit, maxQueue: 50, time: clock });
    let workers = 0;
    let answered = 0;
    let most = 0;
    const work = (): void => {
      const send = (permit: RequestPermit): void => {
        const sentAt = clock.now();
        const end = (): void => {
          permit.giveBack('accepted');
          answered += 1;
          workers -= 1;
          hire();
        };
        clock.at(sentAt + roundTripMs(sentAt), end, true);
      };
      const entered = simulated.enter({ priority: 'bulk', permits: 1, recipients: 600, withinMs: 60_000 });
      if ('granted' in entered) void entered.granted.then(send);
      else send(entered);
    };
    const hire = (): void => {
      while (workers < simulated.concurrency) {
        workers += 1;
        most = Math.max(most, workers);
        work();
      }
    };
    hire();
    await clock.run(seconds * 1_000 - 3_000);
    answered = 0;
    await clock.run(seconds * 1_000);
    simulated.close();
    return { perSecond: answered / 3, most, concurrency: simulated.concurrency };
  }

  it('is small until the service has answered', () => {
    expect(new RateLimiter({ limit: 500, maxQueue: 50 }).concurrency).toBe(16);
  });

  it.each<[string, number, number, (random: () => number) => number]>([
    ['a constant way of 2 ms', 490, 48, () => 2],
    ['a constant way of 200 ms', 445, 170, () => 200],
    ['0 to 100 ms at random', 470, 80, (random) => random() * 100],
    ['0 to 400 ms at random', 400, 256, (random) => random() * 400],
  ])('is enough for %s', async (_way, perSecond, most, roundTripMs) => {
    const random = seededRandom(1);
    const played = await play(500, () => roundTripMs(random));
    expect(played.perSecond).toBeGreaterThan(perSecond);
    expect(played.most).toBeLessThanOrEqual(most);
  });

  it.each([1.4, 1.75, 2, 2.2, 2.5, 3, 4, 6])(
    'follows a round trip that becomes %d times as long',
    async (times) => {
      const { perSecond } = await play(500, (now) => (now < 5_000 ? 100 : 100 * times), 20);
      const wayS = 0.1 * times;
      const best = Math.min(500 / (1.002 + wayS - Math.min(0.15, wayS / 2)), 256 / wayS);
      expect(perSecond).toBeGreaterThan(best * 0.95);
    },
  );

  it('is bounded where a service at its limit answers the later, the more are in flight', async () => {
    let freeAt = 0;
    const served = 300;
    const { perSecond, most } = await play(500, (now) => {
      freeAt = Math.max(freeAt, now) + 1_000 / served;
      return freeAt - now + 1;
    });
    expect(perSecond).toBeGreaterThan(served * 0.98);
    expect(most).toBe(256);
  });
});
