import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_MS, type PermitAnswer, readAnswer, TAKE_PERMITS } from '../../lib/redis/permit-script.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { until } from '../support/until.js';

let redis: StartedRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ own: true });
  client = new Redis(redis.url);
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await client.flushall();
  takes = 0;
});

const PERMITS = '{test}:permits';
const STATE = '{test}:state';
let takes = 0;

interface Question {
  readonly process?: string;
  readonly wanted?: number;
  readonly together?: number;
  readonly limit?: number;
  readonly burst?: number;
  readonly credit?: number;
  readonly priority?: 'single' | 'bulk';
  readonly doubt?: '' | 'doubt' | 'returns';
  readonly known?: string | number;
  readonly seen?: number;
  readonly expires?: number;
  readonly tell?: readonly (readonly [name: string, freeAt: number])[];
}
async function ask({
  process = 'a',
  wanted = 0,
  together = 1,
  limit = 10,
  burst = 1_000,
  credit = 0,
  priority = 'bulk',
  doubt = '',
  known = 0,
  seen = 0,
  expires = 0,
  tell = [],
}: Question = {}): Promise<PermitAnswer> {
  const terms = [process, ++takes, wanted, together, limit, burst, credit, priority, doubt, known, seen];
  const args = [...terms, expires, ...tell.flat()].map(String);
  return readAnswer(await TAKE_PERMITS.run(client, [PERMITS, STATE], args));
}
/** Past the pause with which permits begin that nothing is known of. */
async function begin(question: Question = {}): Promise<PermitAnswer> {
  await ask(question);
  await client.hset(STATE, 'hold', 0);
  return ask(question);
}
const out = (): Promise<string[]> => client.zrange(PERMITS, '0', '-1');

describe('the script of permits', () => {
  it('begins with a pause of a second, since what was sent before still counts', async () => {
    const { now, dues } = await ask({ wanted: 5 });
    expect(dues).toEqual([]);
    await sleep(900);
    expect((await ask({ wanted: 5 })).dues).toEqual([]);
    await sleep(120);
    const { dues: later } = await ask({ wanted: 5 });
    expect(later).toHaveLength(5);
    expect(Math.min(...later)).toBeGreaterThanOrEqual(now + 1_300);
  });

  it('gives out as many as the limit, under the names that the process gives them, each for a lease', async () => {
    await begin();
    const { now, dues } = await ask({ process: 'p', wanted: 12 });
    expect(dues).toHaveLength(10);
    for (const due of dues) expect(due).toBe(now);
    expect((await out()).toSorted()).toEqual(
      Array.from({ length: 10 }, (_n, i) => `p:3:${i + 1}`).toSorted(),
    );
    expect(Number(await client.zscore(PERMITS, 'p:3:1'))).toBeCloseTo(now + LEASE_MS, 1);
    expect((await ask({ wanted: 1 })).dues).toEqual([]);
  });

  it('takes permits back that were not used, and keeps answered ones for as long as it is told', async () => {
    await begin();
    const { now } = await ask({ process: 'p', wanted: 10 });
    expect((await ask({ wanted: 3, tell: [['p:3:1', 0]] })).dues).toHaveLength(1);
    const { dues } = await ask({
      wanted: 3,
      tell: [
        ['p:3:2', now + 290],
        ['p:3:3', now + 280],
      ],
    });
    // In the order in which they become free, and one of them is not yet in sight.
    expect(dues).toEqual([expect.closeTo(now + 280, 1), expect.closeTo(now + 290, 1)]);
    await until(async () => {
      await ask();
      return !(await out()).includes('p:3:3');
    });
    // What it was told again was given out meanwhile.
    expect((await ask({ wanted: 1 })).dues).toEqual([]);
  });

  it('keeps none for longer than a lease, whatever it is told', async () => {
    await begin();
    const { now } = await ask({ process: 'p', wanted: 1 });
    await ask({ tell: [['p:3:1', now + 60_000]] });
    expect(Number(await client.zscore(PERMITS, 'p:3:1'))).toBeLessThan(now + LEASE_MS + 1_000);
  });

  it('gives a permit out once, however often what it knows of the others changes', async () => {
    await begin();
    const { now } = await ask({ process: 'p', wanted: 10 });
    const given: number[] = [];
    for (let index = 1; index <= 10; index++) {
      given.push(...(await ask({ wanted: 10, tell: [[`p:3:${index}`, now + 280 - index]] })).dues);
    }
    expect(given).toHaveLength(10);
    expect((await ask({ wanted: 10 })).dues).toEqual([]);
  });

  it('has the permits of a process that says nothing any more come back by themselves', async () => {
    await begin();
    const { now } = await ask({ process: 'dead', wanted: 10 });
    await sleep(LEASE_MS - 250);
    const { dues } = await ask({ process: 'b', wanted: 10 });
    expect(dues).toHaveLength(10);
    expect(Math.min(...dues)).toBeGreaterThanOrEqual(now + LEASE_MS - 1);
  });

  it('spaces permits by the interval beyond the burst', async () => {
    await begin({ limit: 100 });
    const { now, dues } = await ask({ limit: 100, wanted: 50, burst: 5 });
    expect(dues.slice(0, 5)).toEqual(Array(5).fill(now));
    expect(dues.at(-1)! - now).toBeGreaterThan(280);
    expect(dues.at(-1)! - now).toBeLessThanOrEqual(300.01);
  });

  it('gives those that go together together, or none', async () => {
    await begin();
    expect((await ask({ wanted: 12, together: 4 })).dues).toHaveLength(8);
    expect(await out()).toHaveLength(8);
    expect((await ask({ wanted: 3, together: 3 })).dues).toEqual([]);
    expect((await ask({ wanted: 2, together: 2 })).dues).toHaveLength(2);
  });

  it('goes by the least limit and the least credit that a process has told of late', async () => {
    await begin({ limit: 10 });
    await ask({ process: 'small', limit: 4 });
    expect((await ask({ wanted: 10, limit: 10 })).dues).toHaveLength(4);
    expect((await ask({ wanted: 1, limit: 10 })).dues).toEqual([]);
    await client.flushall();
    takes = 0;
    await begin({ credit: 100 });
    const { now } = await ask({ process: 'p', wanted: 10, credit: 100 });
    const { dues } = await ask({ wanted: 1, credit: 150, tell: [['p:3:1', now + 250]] });
    expect(dues).toEqual([expect.closeTo(now + 150, 1)]);
    expect((await ask({ wanted: 1, credit: 0, tell: [['p:3:2', now + 290]] })).dues).toEqual([
      expect.closeTo(now + 290, 1),
    ]);
  });

  it('goes by what was told in the age before, too, and by nothing older', async () => {
    await begin({ limit: 10, credit: 100 });
    await ask({ process: 'small', limit: 4, credit: 20 });
    // As if all that is told were that much older. Not near the end of an age, which would add another.
    const ages = async (back: number): Promise<void> => {
      if (Date.now() % 5_000 > 4_000) await sleep(1_000);
      await client.hset(STATE, 'age', Math.floor(Date.now() / 5_000) - back);
    };
    await ages(1);
    await ask({ credit: 100 });
    expect(await client.hmget(STATE, 'limit1', 'credit1')).toEqual(['4.000', '20.000']);
    expect((await ask({ process: 'p', wanted: 10, credit: 100 })).dues).toHaveLength(4);
    await ages(2);
    expect((await ask({ wanted: 10, credit: 100 })).dues).toHaveLength(6);
    expect(await client.hmget(STATE, 'limit1', 'credit1')).toEqual(['10.000', '100.000']);
  });

  it('gives out one at a time where the limit is less than one', async () => {
    await begin({ limit: 0.5 });
    expect((await ask({ limit: 0.5, wanted: 2 })).dues).toHaveLength(1);
  });

  it('keeps some for single sends while there are any, which wait for no one’s pace', async () => {
    const limit = 100;
    await begin({ limit });
    await ask({ limit, wanted: 1, priority: 'single' });
    const { dues, now } = await ask({ process: 'p', limit, wanted: 200, burst: 1_000 });
    // One of the three that are kept is out.
    expect(dues).toHaveLength(96);
    expect(await ask({ limit, wanted: 1 })).toMatchObject({ dues: [] });
    const singles = [];
    for (let n = 0; n < 4; n++) singles.push(await ask({ limit, wanted: 1, burst: 1, priority: 'single' }));
    // All that there are have their permits at once, at a pace of three a second; more go with the others.
    expect(singles.map((one) => one.dues.length)).toEqual([1, 1, 0, 0]);
    expect(singles[0]!.dues[0]).toBeLessThan(now + 200);
    await sleep(400);
    expect((await ask({ limit, wanted: 1, burst: 1, priority: 'single' })).dues).toHaveLength(1);
    expect(await out()).toHaveLength(100);
    // The others are not starved by them.
    await ask({ limit, tell: Array.from({ length: 20 }, (_n, index) => [`p:4:${index + 1}`, 0] as const) });
    expect((await ask({ limit, wanted: 50 })).dues).toHaveLength(17);
    const more = await Promise.all(
      Array.from({ length: 10 }, () => ask({ limit, wanted: 1, priority: 'single' })),
    );
    expect(more.flatMap((one) => one.dues).length).toBeLessThanOrEqual(1);
  });

  it('gives single sends theirs at once, however far ahead the others have theirs', async () => {
    const limit = 100;
    await begin({ limit });
    await ask({ limit, wanted: 1, priority: 'single' });
    const { now } = await ask({ limit, process: 'p', wanted: 96 });
    const tell = Array.from({ length: 30 }, (_n, index) => [`p:4:${index + 1}`, now + 200 + index] as const);
    expect((await ask({ limit, wanted: 30, tell })).dues).toHaveLength(30);
    const single: Question = { limit, wanted: 1, priority: 'single' };
    const [first, second, third] = [await ask(single), await ask(single), await ask(single)];
    for (const one of [first, second]) expect(one.dues).toEqual([one.now]);
    expect(third.dues).toEqual([]);
    // At no time are more than the limit out.
    const scores = (await client.zrange(PERMITS, '0', '-1', 'WITHSCORES')).filter((_s, index) => index % 2);
    const at = now + 200 + 29.5;
    expect(scores.filter((score) => Number(score) > at)).toHaveLength(limit - 1);
  });

  it('keeps none without single sends, and gives the first of them the next that is free', async () => {
    const limit = 100;
    await begin({ limit });
    const { now } = await ask({ limit, process: 'p', wanted: 100 });
    await ask({ limit, tell: [['p:3:1', now + 250]] });
    expect((await ask({ limit, wanted: 1 })).dues).toEqual([expect.closeTo(now + 250, 1)]);
    await ask({ limit, tell: [['p:3:2', now + 280]] });
    expect((await ask({ limit, wanted: 1, priority: 'single' })).dues).toEqual([
      expect.closeTo(now + 280, 1),
    ]);
    // From now on, it is the others that wait, until three more are free than they use.
    const tell = Array.from({ length: 4 }, (_n, index) => [`p:3:${index + 3}`, 0] as const);
    expect((await ask({ limit, wanted: 10, tell })).dues).toHaveLength(1);
  });

  describe('has a turn for those who want many', () => {
    const many = (question: Question = {}): Promise<PermitAnswer> =>
      ask({ process: 'many', wanted: 8, together: 8, ...question });
    /** Redis forgets what it holds itself for some time. */
    const later = async (ms: number): Promise<void> => {
      for (const field of ['turnEnds', 'turnFrom']) await client.hincrbyfloat(STATE, field, -ms);
    };

    it('in which others get none, until they are served', async () => {
      await begin();
      await ask({ process: 'p', wanted: 6 });
      expect((await many()).dues).toEqual([]);
      expect((await ask({ wanted: 1 })).dues).toEqual([]);
      const tell = Array.from({ length: 4 }, (_n, index) => [`p:3:${index + 1}`, 0] as const);
      expect((await ask({ wanted: 1, tell })).dues).toEqual([]);
      const { dues } = await many();
      expect(dues).toHaveLength(8);
      expect(new Set(dues).size).toBe(1);
      // Two are out yet, and eight now.
      expect((await ask({ wanted: 1, tell: [['p:3:5', 0]] })).dues).toHaveLength(1);
    });

    it('and the others theirs after it', async () => {
      await begin();
      await ask({ process: 'p', wanted: 6 });
      await many();
      await many({ tell: Array.from({ length: 6 }, (_n, index) => [`p:3:${index + 1}`, 0] as const) });
      expect((await many()).dues).toEqual([]);
      expect((await ask({ wanted: 2 })).dues).toHaveLength(2);
      // Twice as long as the limit takes for so many.
      await later(1_600);
      await many();
      expect((await ask({ wanted: 1, tell: [['many:5:1', 0]] })).dues).toEqual([]);
    });

    it('that ends when it is not asked for any more, or has lasted for three seconds', async () => {
      await begin();
      await ask({ process: 'p', wanted: 6 });
      await many();
      await later(501);
      expect((await ask({ wanted: 1 })).dues).toHaveLength(1);
      await many();
      await later(2_400);
      await many();
      expect((await ask({ wanted: 1 })).dues).toEqual([]);
      await later(501);
      await many();
      expect((await ask({ wanted: 1 })).dues).toHaveLength(1);
    });

    it('also where they want more than there are: then they take all', async () => {
      await begin();
      await ask({ process: 'p', wanted: 1 });
      expect((await many({ wanted: 15, together: 15 })).dues).toEqual([]);
      expect((await many({ wanted: 15, together: 15, tell: [['p:3:1', 0]] })).dues).toHaveLength(15);
      expect((await ask({ wanted: 1 })).dues).toEqual([]);
    });
  });

  const generationAfter = async (
    happening: () => Promise<unknown>,
    question: Question = {},
  ): Promise<[string, PermitAnswer]> => {
    const { generation } = await begin();
    await ask({ process: 'p', wanted: 10 });
    await happening();
    return [generation, await ask({ known: generation, wanted: 1, ...question })];
  };

  it.each<[string, () => Promise<unknown>]>([
    ['it was emptied', () => client.flushall()],
    ['it is another server', () => client.hset(STATE, 'run', 'another')],
    ['its clock went back', () => client.hset(STATE, 'last', (Date.now() + 60_000).toFixed(3))],
    ['a permit is out for longer than any is', () => client.zadd(PERMITS, Date.now() + 60_000, 'odd')],
    ['others have changed what is out', () => client.zadd(PERMITS, Date.now() + 3_100, 'odd')],
    ['what is out last was taken away', () => client.zremrangebyrank(PERMITS, 0, -1)],
    ['its pause is longer than any is', () => client.hset(STATE, 'hold', (Date.now() + 60_000).toFixed(3))],
  ])('begins anew when %s', async (_what, happening) => {
    const [before, { generation, dues }] = await generationAfter(happening);
    expect(generation).not.toBe(before);
    expect(dues).toEqual([]);
    await sleep(900);
    expect((await ask({ wanted: 1 })).dues).toEqual([]);
    expect((await ask()).generation).toBe(generation);
  });

  it('begins anew when Redis has evicted what is out, and left the state', async () => {
    const { generation } = await begin({ wanted: 4 });
    await client.del(PERMITS);
    const { generation: next, dues } = await ask({ wanted: 4 });
    expect([next === generation, dues]).toEqual([false, []]);

    await client.hset(STATE, 'hold', 0);
    const { generation: kept } = await ask({ tell: [] });
    const { dues: given } = await ask({ wanted: 1 });
    expect(given).toHaveLength(1);
    // What is given back leaves the set empty too.
    await ask({ tell: [[`a:${takes}:1`, 0]] });
    expect((await ask()).generation).toBe(kept);
  });

  it('goes on when what was out has run out by itself, and its key with it', async () => {
    const { generation } = await begin();
    const { now } = await ask({ wanted: 1 });
    await ask({ tell: [[`a:${takes}:1`, now + 50]] });
    await sleep(80);
    await client.del(PERMITS);
    expect((await ask()).generation).toBe(generation);
  });

  it('forgets what is in a future that will not come when its clock went back', async () => {
    await begin();
    const future = (Date.now() + 3_600_000).toFixed(3);
    await client.zadd(PERMITS, future, 'odd');
    await client.hset(STATE, { last: future, singles: future, turnEnds: future, turnFrom: future });
    await ask();
    expect(await out()).toEqual([]);
    expect((await client.hmget(STATE, 'singles', 'turnEnds', 'turnFrom')).map(Number)).toEqual([0, 0, 0]);
  });

  it('begins anew when a process doubts what it knows, once for all who do', async () => {
    const [before, { generation, dues }] = await generationAfter(() => Promise.resolve(), { doubt: 'doubt' });
    expect([generation === before, dues]).toEqual([false, []]);
    expect((await ask({ doubt: 'doubt', known: before })).generation).toBe(generation);
  });

  it('begins anew when a process returns to it after no one has asked for a while, and not if others have', async () => {
    const { generation } = await begin();
    expect((await ask({ doubt: 'returns', known: generation })).generation).toBe(generation);
    await sleep(550);
    expect((await ask({ doubt: 'returns', known: generation })).generation).not.toBe(generation);
  });

  it('does nothing for a process that has given up by now, and does not count as asked', async () => {
    const { generation } = await begin();
    await sleep(550);
    const late = await ask({ wanted: 1, expires: Date.now() - 1, tell: [['p:1:1', Date.now() + 1_000]] });
    expect(late).toMatchObject({ generation: '', dues: [] });
    expect(await out()).toEqual([]);
    expect((await ask({ doubt: 'returns', known: generation })).generation).not.toBe(generation);
    expect((await ask({ expires: Date.now() + 1_000 })).generation).not.toBe('');
  });

  it('begins anew when it knows less than a process has seen, and not otherwise', async () => {
    const { generation } = await begin();
    const { now } = await ask({ process: 'p', wanted: 5 });
    const dumps = await Promise.all([PERMITS, STATE].map((key) => client.dumpBuffer(key)));
    const { now: seen } = await ask({ wanted: 5, known: generation, seen: now });
    expect((await ask({ known: generation, seen })).generation).toBe(generation);
    for (const [index, key] of [PERMITS, STATE].entries())
      await client.restore(key, 0, dumps[index]!, 'REPLACE');
    const { generation: next, dues } = await ask({ wanted: 5, known: generation, seen });
    expect([next === generation, dues]).toEqual([false, []]);
    // Of what came before it, a process knows another generation.
    for (const [index, key] of [PERMITS, STATE].entries())
      await client.restore(key, 0, dumps[index]!, 'REPLACE');
    const { generation: third } = await ask({ known: next, seen });
    expect(Number(third)).toBeGreaterThan(Number(next));
  });

  it('begins anew once, whatever its clock was, and for all processes', async () => {
    const before = String((Date.now() + 3_600_000) * 1_000);
    const { generation } = await ask({ known: before, seen: Date.now() + 3_600_000 });
    expect(Number(generation)).toBeGreaterThan(Number(before));
    expect((await ask({ known: before, seen: Date.now() + 3_600_000 })).generation).toBe(generation);
  });

  it('takes in what a process has out when it begins anew', async () => {
    await begin();
    await client.flushall();
    const now = Date.now();
    await ask({ tell: Array.from({ length: 8 }, (_n, index) => [`p:1:${index}`, now + 2_500] as const) });
    await client.hset(STATE, 'hold', 0);
    expect((await ask({ wanted: 10 })).dues).toHaveLength(2);
  });

  it('goes on where it is not told which server it is', async () => {
    await client.call('ACL', 'SETUSER', 'default', '-info');
    try {
      const { generation } = await begin();
      expect(await ask({ wanted: 1, known: generation })).toMatchObject({
        generation,
        dues: [expect.any(Number)],
      });
    } finally {
      await client.call('ACL', 'SETUSER', 'default', '+@all');
    }
  });

  const NUMBERS = ['gen', 'hold', 'paced', 'last', 'out', 'limit0', 'limit1', 'credit0', 'credit1', 'age'];
  NUMBERS.push('singles', 'turnEnds', 'turnFrom');
  it.each([['each', NUMBERS] as const, ...NUMBERS.map((name) => [name, [name]] as const)])(
    'mends a state with a number that is none: %s',
    async (_name, fields) => {
      for (const value of ['nan', 'inf', 'x', '']) {
        await client.flushall();
        await begin();
        for (const field of fields) await client.hset(STATE, field, value);
        await ask({ wanted: 1 });
        await sleep(20);
        await client.hset(STATE, 'hold', 0);
        await ask();
        expect((await ask({ wanted: 1 })).dues.length).toBeLessThanOrEqual(1);
        expect((await client.hvals(STATE)).filter((stored) => /nan|inf/.test(stored))).toEqual([]);
      }
    },
  );

  it('keeps its keys on one node of a Cluster, for a day without use', async () => {
    await begin({ wanted: 1 });
    await ask({ wanted: 1, priority: 'single', limit: 100 });
    await ask({ wanted: 1, priority: 'single', limit: 100 });
    for (const key of await client.keys('*')) expect([PERMITS, STATE]).toContain(key);
    expect(await client.pttl(STATE)).toBeGreaterThan(86_000_000);
    expect(await client.pttl(PERMITS)).toBeLessThanOrEqual(LEASE_MS + 2_300);
  });
});
