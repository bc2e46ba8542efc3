import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { setTimeout as sleep } from 'node:timers/promises';
import { LEASE_MS, type PermitAnswer, readAnswer, TAKE_PERMITS } from '../../lib/redis/permit-script.js';
import { type StartedRedis, startRedis } from '../support/redis.js';

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
});

const KEY = '{test}';

interface Command {
  readonly process?: string;
  readonly known?: number;
  readonly seen?: number;
  readonly lapsed?: boolean;
  readonly limit?: number;
  readonly held?: number;
  readonly out?: number;
  readonly wanted?: number;
  readonly together?: number;
  readonly asked?: number;
}
async function ask({
  process = 'a',
  known = 0,
  seen = 0,
  lapsed = false,
  limit = 100,
  held = 0,
  out = 0,
  wanted = 0,
  together = Math.min(1, wanted),
  asked = performance.now(),
}: Command = {}): Promise<PermitAnswer> {
  const args = [process, known, seen, lapsed ? 'lapsed' : '', limit, held, out, wanted, together, asked].map(
    String,
  );
  return readAnswer(await TAKE_PERMITS.run(client, [KEY], args));
}
/** Past the time in which none are given out, since permits of nobody knows whom may be out. */
async function begin(): Promise<number> {
  const { generation } = await ask({ process: 'first' });
  await client.hset(KEY, 'hold', 0);
  return generation;
}
/** Asks until a process has what it should have. */
async function fill(command: Command): Promise<PermitAnswer> {
  let answer = await ask(command);
  for (let round = 0; round < 12 && answer.held < answer.target; round++) {
    answer = await ask({ ...command, held: answer.held });
  }
  return answer;
}
const holders = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(await client.hgetall(KEY))
      .filter(([name]) => name.startsWith('p:'))
      .map(([name, values]) => [name.slice(2), Number(values.split(' ')[0])]),
  );
/** As if all that was noted were that much older. Times of Redis's clock. */
async function pass(ms: number, ...fields: string[]): Promise<void> {
  for (const field of fields) await client.hincrbyfloat(KEY, field, -ms);
}
async function endLease(process: string, ms = LEASE_MS + 1): Promise<void> {
  const values = (await client.hget(KEY, `p:${process}`))!.split(' ');
  values[4] = String(Number(values[4]) - ms);
  await client.hset(KEY, `p:${process}`, values.join(' '));
}

describe('the script of permits', () => {
  it('begins with a pause in which no permits are given out, since earlier requests still count', async () => {
    const first = await ask({ wanted: 5 });
    expect(first).toMatchObject({ held: 0, target: 5 });
    expect(first.holdMs).toBeCloseTo(1_702, 0);
    await sleep(900);
    const { held, holdMs } = await ask({ wanted: 5 });
    expect([held, holdMs < 820]).toEqual([0, true]);
    await sleep(holdMs);
    expect(await ask({ wanted: 5 })).toMatchObject({ held: 5, target: 5, holdMs: 0 });
  });

  it('gives out a part of what is free at a time, no more than are wanted, and none beyond the limit', async () => {
    await begin();
    expect(await ask({ wanted: 100 })).toMatchObject({ held: 75, target: 100 });
    expect(await ask({ process: 'b', wanted: 10 })).toMatchObject({ held: 10, target: 10 });
    expect(await fill({ held: 75, wanted: 100 })).toMatchObject({ held: 90, target: 90 });
    expect(await ask({ process: 'c', wanted: 1 })).toMatchObject({ held: 0, target: 1 });
    expect(await holders()).toEqual({ a: 90, b: 10, c: 0 });
  });

  it('tells processes to hold equal parts, after those who want little have that, to the last permit', async () => {
    await begin();
    await fill({ wanted: 100 });
    const wanting = { b: 100, c: 5, d: 100 };
    for (const [process, wanted] of Object.entries(wanting)) {
      expect(await ask({ process, wanted })).toMatchObject({ held: 0 });
    }
    expect(await ask({ held: 100, out: 60, wanted: 100 })).toMatchObject({ held: 100, target: 31 });
    // It gives back what is free, and then what becomes free.
    expect(await ask({ held: 60, out: 60, wanted: 100 })).toMatchObject({ held: 60, target: 31 });
    await ask({ held: 31, out: 31, wanted: 100 });
    for (const [process, part] of Object.entries({ b: 32, c: 5, d: 32 })) {
      const wanted = wanting[process as 'b'];
      expect(await fill({ process, wanted })).toMatchObject({ held: part, target: part });
    }
    expect(Object.values(await holders()).reduce((sum, one) => sum + one)).toBe(100);
  });

  it.each([3, 7, 24])(
    'has whole requests in the parts of %d processes, so that all can be used',
    async (count) => {
      await begin();
      const command = (index: number): Command => ({
        process: `p${index}`,
        limit: 500,
        wanted: 500,
        together: 25,
      });
      const targets: number[] = [];
      for (let round = 0; round < 2; round++) {
        targets.length = 0;
        await client.hset(KEY, 'turnFrom', Date.now() + 60_000);
        for (let index = 0; index < count; index++) targets.push((await ask(command(index))).target);
      }
      expect(targets.reduce((sum, target) => sum + target - (target % 25), 0)).toBeGreaterThanOrEqual(450);
    },
  );

  it('ignores a command that comes after a later one of its process', async () => {
    const known = await begin();
    const stale = { known, held: 0, wanted: 50, lapsed: true, asked: performance.now() };
    const { held } = await fill({ known, wanted: 50 });
    expect(held).toBe(50);
    const other = await fill({ process: 'b', known, wanted: 50 });
    expect(other.held).toBe(50);
    // Given up by its client, and sent again by the one that it waited in: in a Cluster that was down.
    await ask(stale);
    expect(await holders()).toEqual({ a: 50, b: 50 });
    expect((await fill({ process: 'b', known, held: other.held, wanted: 100 })).held).toBe(50);
  });

  it('leaves what is too little for a whole request to small requests, of all processes alike', async () => {
    const known = await begin();
    await client.hset(KEY, 'turnFrom', Date.now() + 60_000);
    const command = (process: string): Command => ({ process, known, limit: 500, wanted: 500, together: 60 });
    for (const process of ['a', 'b', 'a']) await ask(command(process));
    expect((await ask(command('b'))).target).toBe(250);
    expect((await ask({ ...command('a'), wanted: 245 })).target).toBe(245);
  });

  it('knows what a process holds by its next command, whatever became of the answer', async () => {
    const generation = await begin();
    await ask({ wanted: 40 });
    expect(await ask({ known: generation, held: 0, wanted: 0 })).toMatchObject({ generation, held: 0 });
    expect(await holders()).toEqual({});
  });

  it('frees the permits of a silent process after its lease', async () => {
    const generation = await begin();
    await fill({ process: 'dead', wanted: 60 });
    expect(await fill({ wanted: 100 })).toMatchObject({ held: 40 });
    await endLease('dead', LEASE_MS - 100);
    expect(await ask({ held: 40, wanted: 100 })).toMatchObject({ held: 40 });
    await sleep(110);
    expect(await fill({ held: 40, wanted: 100, known: generation })).toMatchObject({ held: 100, generation });
    expect(await holders()).toEqual({ a: 100 });
  });

  it('uses the least limit that a process has', async () => {
    await begin();
    await ask({ process: 'small', limit: 40, wanted: 1 });
    expect(await fill({ wanted: 100 })).toMatchObject({ held: 39, target: 39 });
  });

  it('has one permit where the limit is less than one', async () => {
    await begin();
    expect(await ask({ limit: 0.5, wanted: 2 })).toMatchObject({ held: 1, target: 1 });
  });

  describe('has a turn for a request that costs more than the part of its process', () => {
    /** Two processes have all, and one of them wants 80 at once. */
    const start = async (): Promise<PermitAnswer> => {
      await begin();
      await fill({ wanted: 100 });
      await ask({ process: 'many', wanted: 100, together: 80 });
      await ask({ held: 50, out: 50, wanted: 100 });
      return ask({ process: 'many', held: 50, out: 0, wanted: 100, together: 80 });
    };

    it('in which others have what is left, until it is served', async () => {
      expect(await start()).toMatchObject({ held: 50, target: 80 });
      expect(await ask({ held: 50, out: 50, wanted: 100 })).toMatchObject({ target: 20 });
      await ask({ held: 20, out: 20, wanted: 100 });
      expect(await ask({ process: 'many', held: 50, wanted: 100, together: 80 })).toMatchObject({ held: 80 });
      // Until it has let the request go.
      expect(await ask({ held: 20, out: 20, wanted: 100 })).toMatchObject({ target: 20 });
      await ask({ process: 'many', held: 80, out: 80, wanted: 100, together: 80 });
      expect(await ask({ held: 20, out: 20, wanted: 100 })).toMatchObject({ target: 100 });
    });

    it('after which others have theirs for twice as long as the limit takes for so many', async () => {
      await start();
      await ask({ process: 'many', held: 80, out: 80, wanted: 100, together: 80 });
      const again: Command = { process: 'many', held: 50, wanted: 100, together: 80 };
      expect(await ask(again)).toMatchObject({ target: 0 });
      await pass(2_500, 'turnFrom');
      expect(await ask(again)).toMatchObject({ target: 0 });
      await pass(110, 'turnFrom');
      expect(await ask(again)).toMatchObject({ target: 80 });
    });

    it('that ends when it is not asked for any more, or has lasted for three seconds', async () => {
      await start();
      await ask({ process: 'many', held: 50, wanted: 50, together: 1 });
      expect(await ask({ held: 50, wanted: 100 })).toMatchObject({ target: 20 });
      await ask({ process: 'many', held: 50, wanted: 50, together: 0 });
      expect(await ask({ held: 50, wanted: 100 })).toMatchObject({ target: 50 });
      await client.flushall();
      await start();
      await pass(3_001, 'turnEnds');
      expect(await ask({ held: 50, wanted: 100 })).toMatchObject({ target: 100 });
      expect(await ask({ process: 'many', held: 50, wanted: 100, together: 80 })).toMatchObject({
        target: 0,
      });
      await pass(2_010, 'turnFrom');
      await pass(3_001, 'turnFrom');
      expect(await ask({ process: 'many', held: 50, wanted: 100, together: 80 })).toMatchObject({
        target: 80,
      });
    });

    it('that gives all permits to one that costs more than there are', async () => {
      await begin();
      await fill({ wanted: 100 });
      expect(await ask({ process: 'many', wanted: 100, together: 150 })).toMatchObject({ target: 100 });
      expect(await ask({ held: 100, out: 30, wanted: 100 })).toMatchObject({ target: 0 });
      await ask({ held: 0, wanted: 100 });
      expect(await ask({ process: 'many', wanted: 100, together: 150 })).toMatchObject({ held: 100 });
    });

    it('only if as many are not free', async () => {
      await begin();
      for (const process of ['a', 'b', 'c']) await fill({ process, wanted: 10 });
      expect(await ask({ process: 'many', wanted: 60, together: 60 })).toMatchObject({
        held: 60,
        target: 60,
      });
      expect(await client.hget(KEY, 'turn')).toBe('');
    });
  });

  describe('begins a new generation', () => {
    /** What became of a generation by which a process holds 30. */
    const after = async (happening: () => Promise<unknown>, command: Command = {}): Promise<boolean> => {
      const known = await begin();
      const { now: seen } = await ask({ wanted: 30, known });
      await happening();
      const answer = await ask({ known, seen, held: 30, wanted: 100, ...command });
      const isNew = answer.generation > known;
      // What it holds, it keeps. It gets no more for a while.
      if (isNew) expect(answer).toMatchObject({ held: 30, holdMs: expect.closeTo(1_702, -1) });
      if (isNew) expect(await ask({ process: 'b', wanted: 9 })).toMatchObject({ held: 0 });
      return isNew;
    };

    it.each<[string, () => Promise<unknown>]>([
      ['it was emptied', () => client.flushall()],
      ['it is another server', () => client.hset(KEY, 'run', 'another')],
      ['its clock went back', () => pass(-60_000, 'last')],
      ['its clock went forward, or it stood still', () => pass(2_100, 'last')],
      ['a process is missing', () => client.hdel(KEY, 'p:a')],
      ['a process held fewer', () => client.hset(KEY, 'p:a', `29 0 0 100 ${Date.now() + 3_000}`)],
    ])('when %s', async (_what, happening) => {
      expect(await after(happening)).toBe(true);
    });

    it('when its state is older than a process has seen, and not otherwise', async () => {
      const known = await begin();
      await ask({ known, wanted: 5 });
      const dump = await client.dumpBuffer(KEY);
      const { now: seen } = await ask({ known, held: 5 });
      expect(await ask({ known, seen })).toMatchObject({ generation: known });
      await client.restore(KEY, 0, dump, 'REPLACE');
      const { generation: next } = await ask({ known, seen });
      expect(next).toBeGreaterThan(known);
      await client.restore(KEY, 0, dump, 'REPLACE');
      expect((await ask({ known: next, seen })).generation).toBeGreaterThan(next);
    });

    it('when processes return that nobody served meanwhile, once for all of them', async () => {
      const unserved = (): Promise<void> => pass(1_001, 'served');
      expect(await after(unserved, { lapsed: true, seen: Date.now() - 1_500 })).toBe(true);
      const { generation } = await ask({ process: 'b', lapsed: true });
      expect((await ask({ process: 'c', known: generation, lapsed: true })).generation).toBe(generation);
    });

    it('once for processes that return one after another, each of which says twice what it holds', async () => {
      const known = await begin();
      const { now: seen } = await ask({ wanted: 30, known });
      await client.hset(KEY, 'run', 'another');
      const returning = { known, seen: seen - 3_000, lapsed: true, held: 10, out: 10, wanted: 50 };
      const first = await ask(returning);
      expect(first.generation).toBeGreaterThan(known);
      await pass(1_500, 'served', 'hold');
      const second = await ask({ ...returning, process: 'b' });
      const again = { ...returning, process: 'b', known: second.generation, seen: second.now };
      expect(await ask(again)).toMatchObject({
        generation: first.generation,
        holdMs: expect.closeTo(200, -2),
      });
    });

    it('not when a process alone was away, which may hold more than is known', async () => {
      expect(await after(() => client.hdel(KEY, 'p:a'), { lapsed: true, held: 12 })).toBe(false);
      expect(await holders()).toMatchObject({ a: expect.any(Number) });
    });

    it('not after a time without any requests', async () => {
      const known = await begin();
      await pass(600_000, 'last', 'served');
      expect(await ask({ known, wanted: 3 })).toMatchObject({ generation: known, held: 3 });
    });

    it('once for all processes, whatever its clock was', async () => {
      const before = (Date.now() + 3_600_000) * 1_000;
      const { generation } = await ask({ known: before, seen: Date.now() + 3_600_000 });
      expect(generation).toBeGreaterThan(before);
      expect((await ask({ known: before, seen: Date.now() + 3_600_000 })).generation).toBe(generation);
    });

    it('in which it counts what each process says it holds', async () => {
      await begin();
      await client.flushall();
      await ask({ held: 80, out: 80, wanted: 80 });
      await client.hset(KEY, 'hold', 0);
      expect(await fill({ process: 'b', wanted: 50 })).toMatchObject({ held: 20 });
    });
  });

  it('is not delayed by a command that came late', async () => {
    const known = await begin();
    const { now: seen } = await ask({ known, wanted: 30 });
    await pass(1_500, 'last', 'served');
    // What Redis finds when it goes on does not look as if someone had been served.
    await ask({ known, seen: seen - 1_500, held: 30, wanted: 30 });
    expect((await ask({ known, seen: seen - 1_500, held: 30, lapsed: true })).generation).toBeGreaterThan(
      known,
    );
  });

  it('goes on where it gets no ID of the server', async () => {
    await client.call('ACL', 'SETUSER', 'default', '-info');
    try {
      const generation = await begin();
      expect(await ask({ wanted: 1, known: generation })).toMatchObject({ generation, held: 1 });
    } finally {
      await client.call('ACL', 'SETUSER', 'default', '+@all');
    }
  });

  it('keeps its key for a day after the last use', async () => {
    await begin();
    expect(await client.keys('*')).toEqual([KEY]);
    expect(await client.pttl(KEY)).toBeGreaterThan(86_000_000);
  });
});
