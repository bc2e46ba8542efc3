import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { mostInAnySecond, openLimiter, type OpenLimiter, pass, uniqueName } from '../support/redis-quota.js';
import { until } from '../support/until.js';

// A schedule that is new begins with a pause of a second.
jest.setTimeout(60_000);

let redis: StartedRedis;
let gates: OpenLimiter[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(() => {
  for (const { quota } of gates) quota.close();
  gates = [];
});
afterAll(() => redis.stop());

/** As many processes as there are names: each with a connection of its own. */
function processes(count: number, limit: number, name = uniqueName()): OpenLimiter[] {
  const opened = Array.from({ length: count }, () =>
    openLimiter(new RedisQuota({ connection: redis.url }), name, limit),
  );
  gates.push(...opened);
  return opened;
}

describe('a schedule that processes share', () => {
  it('keeps the limit over all of them, in any second, and shares it out evenly', async () => {
    const opened = processes(4, 200);
    const times: number[][] = [[], [], [], []];
    let left = 500;
    await Promise.all(
      opened.map(async (gate, index) => {
        await Promise.all(
          Array.from({ length: 20 }, async () => {
            while (left-- > 0) times[index]!.push(await pass(gate));
          }),
        );
      }),
    );
    const all = times.flat();
    expect(all).toHaveLength(500);
    expect(mostInAnySecond(all)).toBeLessThanOrEqual(200);
    for (const { length } of times) expect(length).toBeGreaterThan(75);
    for (const { changes } of opened) expect(changes).toEqual([{ status: 'shared' }]);
  });

  it('takes few commands a request, and one slot at a time where one is needed', async () => {
    const [one] = processes(1, 1_000);
    await pass(one!);
    await withClient(redis.url, async (client) => {
      const before = await commands(client);
      await Promise.all(Array.from({ length: 500 }, () => pass(one!)));
      expect(((await commands(client)) - before) / 500).toBeLessThan(0.2);
    });
  });

  it('begins with a pause under a key that is not there, and without one after a while of silence', async () => {
    const name = uniqueName();
    const [first] = processes(1, 500, name);
    const started = performance.now();
    expect((await pass(first!)) - started).toBeGreaterThan(1_000);
    const [second] = processes(1, 500, name);
    const again = performance.now();
    expect((await pass(second!)) - again).toBeLessThan(900);
  });

  it('is loaded again after SCRIPT FLUSH', async () => {
    const [one] = processes(1, 500);
    await pass(one!);
    await withClient(redis.url, (client) => client.script('FLUSH'));
    await pass(one!);
    expect(one!.changes).toEqual([{ status: 'shared' }]);
  });

  it('is of one key, whose hash tag keeps it on one node of a Cluster, and which tells no access key', async () => {
    const [one] = processes(1, 500, `name with secret-access-key-id ${uniqueName()}`);
    await pass(one!);
    await withClient(redis.url, async (client) => {
      const keys = await client.keys('nestjs-rtc-messaging:quota:*');
      expect(keys.length).toBeGreaterThan(0);
      for (const key of keys) expect(key).toMatch(/^nestjs-rtc-messaging:quota:\{[0-9a-f]{32}\}$/);
    });
  });

  it('is held up for all by what one was refused', async () => {
    const [one, other] = processes(2, 500);
    await pass(one!);
    one!.quota.throttled(1_500);
    await until(async () => {
      const reserved = await other!.quota.reserve(1);
      return reserved.slots === 0 && reserved.delayMs > 1_000;
    });
  });

  it('asks a Redis that is far away as long ahead as that takes to answer, and for as much as is used until then', async () => {
    const farther = await delayed(redis.port, 60);
    const gate = openLimiter(new RedisQuota({ connection: farther.url }), uniqueName(), 200);
    gates.push(gate);
    await pass(gate);
    expect(gate.quota.leadMs).toBeGreaterThanOrEqual(120);
    expect(gate.quota.batchSize * gate.quota.intervalMs).toBeGreaterThanOrEqual(120);
    await farther.close();
    await expect(pass(gate)).rejects.toThrow('The shared quota is unavailable');
    // What this process has of itself is there at once.
    expect(gate.quota.leadMs).toBe(0);
  });

  it('leaves a connection of the app alone, and closes its own', async () => {
    const client = new Redis(redis.url);
    const given = openLimiter(new RedisQuota({ client }), uniqueName(), 500);
    await pass(given);
    given.quota.close();
    await expect(client.ping()).resolves.toBe('PONG');
    client.disconnect();

    await withClient(redis.url, async (watcher) => {
      const own = openLimiter(
        new RedisQuota({ connection: `${redis.url}/0?connectionName=of-this-test` }),
        uniqueName(),
        500,
      );
      await pass(own);
      const names = async (): Promise<string> => (await watcher.client('LIST')) as string;
      expect(await names()).toContain('name=of-this-test');
      own.quota.close();
      await until(async () => !(await names()).includes('name=of-this-test'));
    });
  });
});

/** Redis, so many milliseconds farther away in each direction. */
async function delayed(port: number, ms: number): Promise<{ url: string; close(): Promise<void> }> {
  const open = new Set<Socket>();
  const pass = (from: Socket, to: Socket): void => {
    open.add(from);
    from.on('data', (bytes) => setTimeout(() => to.destroyed || to.write(bytes), ms));
    from.on('close', () => to.destroy()).on('error', () => undefined);
  };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    pass(near, far);
    pass(far, near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** All that Redis has done, in scripts too. */
async function commands(client: Redis): Promise<number> {
  const stats = await client.info('commandstats');
  let calls = 0;
  for (const [, name, count] of stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)) {
    if (name !== 'info') calls += Number(count);
  }
  return calls;
}
