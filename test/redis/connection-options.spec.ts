import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Cluster, Redis, type ClusterOptions, type RedisOptions } from 'ioredis';
import { once } from 'node:events';
import { RedisQuota, type RedisQuotaOptions } from 'nestjs-rtc-messaging/redis';
import { startCluster } from '../support/failover-sites.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { openLimiter, type OpenLimiter, pass, uniqueName } from '../support/redis-quota.js';
import { until } from '../support/until.js';

const LIMIT = 100;
let redis: StartedRedis;
let cluster: Awaited<ReturnType<typeof startCluster>>;
let opened: OpenLimiter[] = [];
beforeAll(async () => {
  redis = await startRedis({ own: true });
  cluster = await startCluster({ primaries: 2, replicas: 0 });
});
afterEach(() => {
  for (const { limiter } of opened) limiter.close();
  opened = [];
});
afterAll(async () => {
  await Promise.all([redis.stop(), cluster.stop()]);
});

/** Permits are shared from the first on, and each has its time. */
async function expectToShare(options: Pick<RedisQuotaOptions, 'connection'>): Promise<void> {
  const one = openLimiter(new RedisQuota(options), uniqueName(), LIMIT);
  opened.push(one);
  await pass(one);
  const times = await Promise.all(Array.from({ length: 30 }, () => pass(one)));
  expect(one.changes).toEqual([{ status: 'shared' }]);
  // Beyond a burst, they are spaced by the limit.
  expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(100);
}

const OPTIONS: readonly RedisOptions[] = [
  { stringNumbers: true },
  { enableOfflineQueue: false },
  { lazyConnect: true },
  { enableAutoPipelining: true },
  { keyPrefix: 'app:' },
  { protocol: 3, replyMapping: 'resp3' },
];

/** Each takes its seconds, so that all are tried at once. */
async function eachAtOnce<Options>(
  all: readonly Options[],
  share: (options: Options) => Promise<void>,
): Promise<void> {
  await Promise.all(
    all.map(async (options) =>
      share(options).catch((cause: unknown) => {
        throw new Error(`with ${JSON.stringify(options)}`, { cause });
      }),
    ),
  );
}

describe('a shared quota works', () => {
  it('with any options for ioredis, also of a client of the app', () =>
    eachAtOnce(OPTIONS, async (options) => {
      const connection = new Redis({ port: redis.port, ...options });
      await Promise.all([
        expectToShare({ connection: { port: redis.port, ...options } }),
        expectToShare({ connection }),
      ]);
      connection.disconnect();
    }));

  it('with options in a URL', async () => {
    const query = 'stringNumbers=true&enableOfflineQueue=&lazyConnect=true&keyPrefix=app:&retryStrategy=x';
    await expectToShare({ connection: `${redis.url}?${query}` });
  });

  it('with any options for a Cluster', () => {
    const all: readonly ClusterOptions[] = [
      ...OPTIONS.map((redisOptions) => ({ redisOptions })),
      { enableOfflineQueue: false },
      { lazyConnect: true },
      { scaleReads: 'all' },
    ];
    return eachAtOnce(all, (options) =>
      expectToShare({ connection: { nodes: [...cluster.connection.nodes], options } }),
    );
  });

  it("with an app's own Cluster that has numbers as text", async () => {
    const redisOptions = { stringNumbers: true };
    const connection = new Cluster([...cluster.connection.nodes], { redisOptions });
    await once(connection, 'ready');
    await expectToShare({ connection });
    connection.disconnect();
  });

  it('again after an outage, whatever the options say of ends and waits', async () => {
    const connection: RedisOptions = {
      port: redis.port,
      retryStrategy: () => null,
      autoResendUnfulfilledCommands: true,
      maxRetriesPerRequest: null,
    };
    const one = openLimiter(new RedisQuota({ connection, fallbackShare: 0.5 }), uniqueName(), LIMIT);
    opened.push(one);
    await pass(one);
    await redis.kill();
    await until(() => one.changes.length === 2);
    await redis.restart();
    await until(() => one.changes.length === 3);
    expect(one.changes.map(({ status }) => status)).toEqual(['shared', 'fallback', 'shared']);
  });
});
