import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisQuota, type RedisQuotaOptions } from 'nestjs-rtc-messaging/redis';
import type { RequestEnd, RequestPermit } from '../../lib/quota/rate-limiter.js';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { mostInAnySecond, openLimiter, type OpenLimiter, pass, uniqueName } from '../support/redis-quota.js';
import { until } from '../support/until.js';

const LIMIT = 200;
let redis: StartedRedis;
let opened: OpenLimiter[] = [];
beforeEach(async () => {
  redis = await startRedis({ own: true });
});
afterEach(async () => {
  for (const { limiter } of opened) limiter.close();
  opened = [];
  await redis.stop();
});

function open(name: string, options: Partial<RedisQuotaOptions> = {}, limit = LIMIT): OpenLimiter {
  const one = openLimiter(
    new RedisQuota({ connection: redis.url, fallbackShare: 0.25, ...options }),
    name,
    limit,
  );
  opened.push(one);
  return one;
}
/** How many permits processes hold. */
const held = (): Promise<number> =>
  withClient(redis.url, async (client) => {
    const [key] = await client.keys('*');
    const processes = Object.entries(await client.hgetall(key ?? 'none')).filter(([name]) =>
      name.startsWith('p:'),
    );
    return processes.reduce((sum, [, values]) => sum + Number(values.split(' ')[0]), 0);
  });

/** Takes a permit and holds it. */
async function take({ limiter }: OpenLimiter, priority: 'single' | 'bulk' = 'bulk', permits = 1) {
  const entered = limiter.enter({ priority, permits, recipients: permits, withinMs: 60_000 });
  return 'granted' in entered ? entered.granted : entered;
}
async function takeAll(one: OpenLimiter, count: number): Promise<RequestPermit[]> {
  return Promise.all(Array.from({ length: count }, () => take(one)));
}
const giveBack = (permits: readonly RequestPermit[], end: RequestEnd): void => {
  for (const permit of permits) permit.giveBack(end);
};
/** So that more than a few may be under way. */
async function warmUp(...all: OpenLimiter[]): Promise<void> {
  for (const one of all) await pass(one);
}

describe('permits that processes share', () => {
  it('are no more than the limit over all of them, in any second, and nearly that, in fair shares', async () => {
    const name = uniqueName();
    const all = Array.from({ length: 4 }, () => open(name));
    await warmUp(...all);
    const times = all.map(() => [] as number[]);
    const end = performance.now() + 4_000;
    await Promise.all(
      all.flatMap((one, index) =>
        Array.from({ length: 20 }, async () => {
          while (performance.now() < end) times[index]!.push(await pass(one));
        }),
      ),
    );
    const total = times.flat();
    expect(mostInAnySecond(total)).toBeLessThanOrEqual(LIMIT);
    expect(total.length).toBeGreaterThan(3 * LIMIT);
    for (const own of times) expect(own.length).toBeGreaterThan(total.length * 0.15);
  });

  describe('take few commands', () => {
    const commands = async (): Promise<number> =>
      withClient(redis.url, async (client) => {
        const stats = await client.info('commandstats');
        const counts = [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, count]) =>
          Number(count),
        );
        return counts.reduce((sum, count) => sum + count, 0);
      });

    it('where many requests wait', async () => {
      const one = open(uniqueName());
      await warmUp(one);
      const before = await commands();
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          for (let n = 0; n < 20; n++) await pass(one);
        }),
      );
      expect((await commands()) - before).toBeLessThan(0.5 * 400);
    });

    it('where requests of a bulk come one by one', async () => {
      const one = open(uniqueName(), {}, 500);
      await warmUp(one);
      const before = await commands();
      for (let n = 0; n < 60; n++) {
        await pass(one);
        await sleep(25);
      }
      expect((await commands()) - before).toBeLessThan(0.3 * 60);
    });
  });

  it('are known to be out for as long as a request takes, however long', async () => {
    const name = uniqueName();
    const [one, other] = [open(name, {}, 20), open(name, {}, 20)];
    await warmUp(one, other);
    await sleep(1_500);
    const held = await takeAll(one, 12);
    await sleep(5_000);
    // The other has what is left, and no more until they are answered.
    const times: number[] = [];
    const more = Array.from({ length: 12 }, async () => {
      const permit = await take(other);
      times.push(performance.now());
      permit.giveBack('answered');
    });
    await sleep(900);
    giveBack(held, 'answered');
    const heldUntil = performance.now();
    await Promise.all(more);
    expect(mostInAnySecond(times.filter((at) => at < heldUntil))).toBeLessThanOrEqual(8);
  });

  it('are reported soon, so that another process can have them', async () => {
    const name = uniqueName();
    const [one, other] = [open(name, {}, 20), open(name, {}, 20)];
    await warmUp(one, other);
    await sleep(1_500);
    giveBack(await takeAll(one, 10), 'unused');
    await until(async () => (await held()) === 0);
    giveBack(await takeAll(other, 10), 'answered');
    // Far from the second after which they are free.
    await sleep(300);
    expect(await held()).toBeGreaterThanOrEqual(10);
    await until(async () => (await held()) === 0);
    expect(giveBack(await takeAll(one, 10), 'unused')).toBeUndefined();
  });

  it('without an answer are free after the answer to a later request', async () => {
    const one = open(uniqueName(), {}, 100);
    await warmUp(one);
    await sleep(1_500);
    giveBack(await takeAll(one, 20), 'unanswered');
    await sleep(3_500);
    // Kept beyond a lease.
    expect(await held()).toBeGreaterThanOrEqual(20);
    giveBack([await take(one)], 'answered');
    await until(async () => (await held()) === 0);
  });

  it('are kept in part for probes while the service says nothing', async () => {
    const one = open(uniqueName(), {}, 20);
    await warmUp(one);
    await sleep(1_200);
    giveBack(await takeAll(one, 12), 'unanswered');
    giveBack([await take(one)], 'unanswered');
    const given = performance.now();
    const probe = await take(one);
    expect(performance.now() - given).toBeGreaterThan(900);
    probe.giveBack('answered');
    await Promise.all(Array.from({ length: 18 }, () => pass(one)));
    expect(performance.now() - given).toBeLessThan(30_000);
  });

  it('are given to a single send at once, while others use the whole limit', async () => {
    const name = uniqueName();
    const [bulk, singles] = [open(name), open(name)];
    await warmUp(bulk, singles);
    const end = performance.now() + 4_000;
    const busy = Array.from({ length: 40 }, async () => {
      while (performance.now() < end) await pass(bulk);
    });
    await sleep(1_500);
    const waits: number[] = [];
    while (performance.now() < end - 300) {
      const asked = performance.now();
      giveBack([await take(singles, 'single')], 'answered');
      waits.push(performance.now() - asked);
      await sleep(250);
    }
    await Promise.all(busy);
    waits.sort((one, other) => one - other);
    // The others' turns are a second long.
    expect(waits[Math.floor(waits.length / 2)]).toBeLessThan(500);
  });

  it('are given together to one request, as many as it costs', async () => {
    const one = open(uniqueName(), {}, 100);
    await warmUp(one);
    const large = await take(one, 'bulk', 40);
    expect(await held()).toBeGreaterThanOrEqual(40);
    large.giveBack('unused');
    await until(async () => (await held()) <= 1);
  });

  it.each([0.4, 1, 1.5])(
    'are given together to a request that costs %f of the limit beside a process at the limit, which keeps its part',
    async (share) => {
      const name = uniqueName();
      const [small, large] = [open(name), open(name)];
      await warmUp(small, large);
      const times: number[] = [];
      const stopping = new AbortController();
      const sending = Array.from({ length: 40 }, async () => {
        while (!stopping.signal.aborted) times.push(await pass(small));
      });
      await until(() => times.length > LIMIT);
      const waits: number[] = [];
      for (let request = 0; request < 3; request++) {
        const [asked, sent] = [performance.now(), times.length];
        giveBack([await take(large, 'bulk', LIMIT * share)], 'answered');
        waits.push(performance.now() - asked);
        await until(() => times.length > sent + 20);
      }
      stopping.abort();
      await Promise.all(sending);
      expect(Math.max(...waits)).toBeLessThan(20_000);
      expect(mostInAnySecond(times)).toBeLessThanOrEqual(LIMIT);
    },
  );

  it('are given together to a request that needs all of them, beside single sends', async () => {
    const name = uniqueName();
    const [small, large] = [open(name), open(name)];
    await warmUp(small, large);
    const times: number[] = [];
    const single = async (): Promise<void> => {
      giveBack([await take(small, 'single')], 'answered');
      times.push(performance.now());
    };
    const singles = setInterval(() => void single(), 200);
    const waits: number[] = [];
    for (let request = 0; request < 2; request++) {
      await until(() => times.length > 10 * request + 5);
      const asked = performance.now();
      giveBack([await take(large, 'bulk', LIMIT)], 'answered');
      waits.push(performance.now() - asked);
    }
    const sent = times.length;
    await until(() => times.length > sent + 5);
    clearInterval(singles);
    expect(Math.max(...waits)).toBeLessThan(20_000);
  });

  it('are not kept for long for a request that was given up', async () => {
    const name = uniqueName();
    const [small, large] = [open(name), open(name)];
    await warmUp(small, large);
    const held = await take(small);
    const entered = large.limiter.enter({
      priority: 'bulk',
      permits: LIMIT,
      recipients: LIMIT,
      withinMs: 60_000,
    });
    await sleep(300);
    if ('cancel' in entered) entered.cancel();
    giveBack([held], 'answered');
    const asked = performance.now();
    giveBack(await takeAll(small, 10), 'answered');
    expect(performance.now() - asked).toBeLessThan(2_500);
  });

  it('are under one key without the access key, and work after SCRIPT FLUSH', async () => {
    const one = open('["http://s","AKEXAMPLE",""]');
    await pass(one);
    await withClient(redis.url, async (client) => {
      const keys = await client.keys('*');
      expect(keys).toEqual([expect.stringMatching(/:quota:\{\w{32}\}$/)]);
      expect(keys.join()).not.toContain('AKEXAMPLE');
      await client.script('FLUSH');
    });
    await pass(one);
    expect(one.changes.map(({ status }) => status)).toEqual(['shared']);
  });

  it('have a connection of their own, which they close, also if a client is given', async () => {
    const connection = new Redis(redis.url);
    const [own, given] = [open(uniqueName()), open(uniqueName(), { connection })];
    await warmUp(own, given);
    const connections = async (): Promise<number> =>
      withClient(
        redis.url,
        async (other) => ((await other.client('LIST')) as string).trim().split('\n').length - 1,
      );
    expect(await connections()).toBe(3);
    for (const { limiter } of opened) limiter.close();
    opened = [];
    await until(async () => (await connections()) === 1);
    expect(await connection.ping()).toBe('PONG');
    connection.disconnect();
  });
});

describe('a Redis that has lost its permits', () => {
  /** Sends as much as it may with four processes, while something happens to Redis. */
  async function worstDuring(happening: () => Promise<unknown>, times = 2): Promise<number> {
    const name = uniqueName();
    const all = Array.from({ length: 4 }, () => open(name));
    await warmUp(...all);
    const sent: number[] = [];
    const stopping = new AbortController();
    const sending = all.flatMap((one) =>
      Array.from({ length: 20 }, async () => {
        while (!stopping.signal.aborted) {
          const permit = await take(one);
          sent.push(performance.now());
          await sleep(5);
          permit.giveBack('accepted');
        }
      }),
    );
    for (let time = 0; time < times; time++) {
      await sleep(1_500);
      await happening();
      const before = sent.length;
      await until(() => sent.length > before + LIMIT);
    }
    stopping.abort();
    await Promise.all(sending);
    return mostInAnySecond(sent);
  }

  it('has all permits that are out again before anyone sends, after it was emptied', async () => {
    const worst = await worstDuring(() => withClient(redis.url, (client) => client.flushall()));
    expect(worst).toBeLessThanOrEqual(LIMIT);
  });

  it('has all permits that are out again before anyone sends, after a restart with an old snapshot', async () => {
    await withClient(redis.url, (client) => client.config('SET', 'save', ''));
    const worst = await worstDuring(async () => {
      await redis.kill();
      await redis.restart();
    });
    expect(worst).toBeLessThanOrEqual(LIMIT);
  });

  it('has all permits that are out again before anyone sends, put back as seconds ago on the same server', async () => {
    const restore = async (): Promise<void> =>
      withClient(redis.url, async (client) => {
        const [key] = await client.keys('*');
        const dump = await client.dumpBuffer(key!);
        await sleep(700);
        await client.restore(key!, 0, dump, 'REPLACE');
      });
    expect(await worstDuring(restore, 3)).toBeLessThanOrEqual(LIMIT);
  });
});
