import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import type { RtcConfigError } from 'nestjs-rtc-messaging';
import type { RtcFanOutQueueOptions } from 'nestjs-rtc-messaging/bullmq';
import { resolveFanOutQueueSettings } from '../../lib/bullmq/fan-out-queue-settings.js';
import { RedisHolder } from '../../lib/bullmq/redis-holder.js';
import { startCluster } from '../support/failover-sites.js';
import { ownPrefix, startQueueApp } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';

let redis: StartedRedis;
let cluster: Awaited<ReturnType<typeof startCluster>>;
let emulator: RtcEmulator;
beforeAll(async () => {
  [redis, cluster] = await Promise.all([startRedis(), startCluster({ primaries: 2, replicas: 0 })]);
});
afterAll(() => Promise.all([redis.stop(), cluster.stop()]));
const warnings: Error[] = [];
const note = (warning: Error): void => void warnings.push(warning);
beforeEach(async () => {
  warnings.length = 0;
  process.on('warning', note);
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
});
afterEach(async () => {
  process.off('warning', note);
  await emulator.close();
});

/** An app of a producer and a worker, with all that it may do. */
async function expectToWork(connection: RtcFanOutQueueOptions['connection']): Promise<void> {
  const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } };
  const app = await startQueueApp(connection, { prefix: ownPrefix() }, rtc);
  try {
    const to = Array.from({ length: 300 }, (_none, index) => `user-${index}`);
    const handles = await Promise.all(
      ['one', 'two'].map((message) =>
        app.queue.enqueue({ roomId: 'room-1', message, to: ['no id', ...to] }, { chunkSize: 10 }),
      ),
    );
    for (const handle of handles) {
      const { counts, invalid, elapsedMs } = await handle.result();
      expect(counts).toMatchObject({ input: 301, invalid: 1, accepted: 300, unknown: 0, notAttempted: 0 });
      expect(invalid).toHaveLength(1);
      expect(elapsedMs).toBeGreaterThanOrEqual(0);
    }
  } finally {
    await app.close();
  }
  expect(warnings).toEqual([]);
}

const OPTIONS: readonly RedisOptions[] = [
  { enableOfflineQueue: false },
  { lazyConnect: true },
  { stringNumbers: true },
  { commandTimeout: 1 },
  { socketTimeout: 10 },
  { maxRetriesPerRequest: 0 },
  { autoResendUnfulfilledCommands: false },
  { enableAutoPipelining: true },
  { enableReadyCheck: false },
  { keyPrefix: 'app:' },
  { protocol: 3, replyMapping: 'resp3' },
  { retryStrategy: () => null },
  { scripts: { evalsha: { lua: "return 'not ours'", numberOfKeys: 0 } } },
];

describe('a durable fan-out works', () => {
  it.each(OPTIONS)('with %p for ioredis', async (options) => {
    await expectToWork({ port: redis.port, ...options });
  });

  it.each([
    'stringNumbers=true',
    'keyPrefix=app:',
    'maxRetriesPerRequest=1',
    'commandTimeout=1',
    'socketTimeout=10',
    'enableOfflineQueue=',
    'lazyConnect=true',
    'autoResendUnfulfilledCommands=',
    'enableAutoPipelining=true',
    'retryStrategy=x&reconnectOnError=y',
  ])('with ?%s in a URL', async (query) => {
    await expectToWork(`${redis.url}?${query}`);
  });

  it('with the database that a URL names, whatever else its query says', async () => {
    const url = `${redis.url}?stringNumbers=true&db=3`;
    await expectToWork(url);
    expect(await withClient(`${redis.url}/3`, (client) => client.dbsize())).toBeGreaterThan(0);
  });

  it('with options in the URLs of the nodes of a Cluster', async () => {
    const nodes = cluster.connection.nodes.map(
      (node) => `redis://${(node as RedisOptions).host}:${(node as RedisOptions).port}?stringNumbers=true`,
    );
    await expectToWork({ nodes });
  });

  it.each(OPTIONS)('with %p for the nodes of a Cluster', async (redisOptions) => {
    const nodes = [...cluster.connection.nodes];
    await expectToWork({ nodes, options: { redisOptions } });
  });

  it('in a Cluster with options to read from replicas and to give up early', async () => {
    const options = {
      scaleReads: 'all',
      maxRedirections: 0,
      enableOfflineQueue: false,
      keyPrefix: 'a',
      slotsRefreshTimeout: 1,
      scripts: { evalsha: { lua: "return 'not ours'", numberOfKeys: 0 } },
    } as const;
    await expectToWork({ nodes: [...cluster.connection.nodes], options });
  });

  it("with the app's own client that is ready, and keeps no commands until it is", async () => {
    const given = new Redis({ port: redis.port, enableOfflineQueue: false, stringNumbers: true });
    await once(given, 'ready');
    await expectToWork(given);
    expect(await given.ping()).toBe('PONG');
    given.disconnect();
  });

  it("with the app's own Cluster that is ready, and keeps no commands until it is", async () => {
    const given = new Cluster([...cluster.connection.nodes], {
      enableOfflineQueue: false,
      redisOptions: { stringNumbers: true },
    });
    await once(given, 'ready');
    await expectToWork(given);
    expect(await given.ping()).toBe('PONG');
    given.disconnect();
  });
});

describe('the connection of a queue', () => {
  it('may have any number of listeners, also once BullMQ has added what it needs to that', async () => {
    const app = await startQueueApp(redis.url, { prefix: ownPrefix() }, emulator.moduleOptions());
    try {
      const holder = app.module.get(RedisHolder, { strict: false });
      expect(holder.client().getMaxListeners()).toBe(Number.POSITIVE_INFINITY);
    } finally {
      await app.close();
    }
  });

  const problemOf = (connection: unknown): string => {
    try {
      resolveFanOutQueueSettings({ connection });
    } catch (error) {
      return (error as RtcConfigError).message;
    }
    return '';
  };

  it('that has other options beside the nodes of a Cluster is refused by name', () => {
    const nodes = [{ port: 1 }];
    expect(problemOf({ nodes, option: {} })).toContain(
      'connection.option: is not an option; did you mean options?',
    );
    expect(problemOf({ nodes, redisOptions: {} })).toContain('connection.redisOptions: is not an option');
    expect(problemOf({ nodes: ['redis://localhost:1/0', 2], options: { redisOptions: { db: 0 } } })).toBe('');
  });

  it.each([
    [[], 'RtcFanOutQueueModule.connection: must be a redis:// or rediss:// URL'],
    [[{ host: 'redis' }], ', got an array'],
    [undefined, 'RtcFanOutQueueModule.connection: is missing'],
    [null, ', got null'],
    ['localhost:6379', ', got a string'],
    [{ hots: 'redis' }, 'connection.hots: is not an option; did you mean host?'],
    [{ Host: 'redis' }, 'connection.Host: is not an option; did you mean host?'],
    [{ hostname: 'redis' }, 'connection.hostname: is not an option; did you mean host?'],
    [{ host: 'redis', user: 'app' }, 'connection.user: is not an option; did you mean username?'],
    [{ node: [{ host: 'redis' }] }, 'connection.node: is not an option; did you mean nodes?'],
    [{ url: 'redis://redis' }, 'connection.url: is not an option of ioredis; give the URL as the connection'],
  ])('that ioredis would read as this machine is refused: %j', (connection, words) => {
    expect(problemOf(connection)).toContain(words);
  });

  it('is not refused for any option that ioredis has', () => {
    const { options } = new Redis({ lazyConnect: true });
    const { options: ofCluster } = new Cluster([{ port: 1 }], { lazyConnect: true });
    expect(problemOf({ ...options, family: 6, tls: {}, localAddress: '::1', connectionName: 'x' })).toBe('');
    expect(problemOf({ nodes: [{ port: 1, tls: {} }], options: ofCluster })).toBe('');
    expect(problemOf(new Redis({ lazyConnect: true }))).toBe('');
    expect(problemOf(new Cluster([{ port: 1 }], { lazyConnect: true }))).toBe('');
  });

  it('that names no one to connect to is refused by name', () => {
    expect(problemOf({ nodes: [] })).toContain('connection.nodes: must be a list of one at least');
    expect(problemOf({ sentinels: [] })).toContain('connection.sentinels: must be a list of one at least');
    expect(problemOf({ sentinels: [{ port: 1 }] })).toContain("connection.name: must be the primary's name");
    expect(problemOf({ sentinels: [{ port: 1 }], name: 'main', role: 'master' })).toBe('');
  });
});
