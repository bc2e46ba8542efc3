import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import type { RtcFanOutQueueOptions } from 'nestjs-rtc-messaging/bullmq';
import { type StartedRedis, startRedis, withClient } from './redis.js';
import { startRelay } from './relay.js';
import { until } from './until.js';

/** What may be promoted in place of what. */
export interface FailoverSite {
  /** For processes as well: it can be told as JSON. */
  readonly connection: Extract<RtcFanOutQueueOptions['connection'], object>;
  /** Whoever holds keys of this prefix. */
  primaryOf(prefix: string): Promise<StartedRedis>;
  /** Parts the first primary from all others, which hear nothing of it any more, but not from its clients. */
  readonly part?: () => void;
  readonly join?: () => void;
  readonly all: readonly StartedRedis[];
  stop(): Promise<void>;
}

/** From a primary's silence on to its being taken for dead. */
const DOWN_AFTER_MS = 1_500;

/** A primary, two replicas, and three Sentinels that watch them. They reach the primary by a way of their own. */
export async function startSentinelSite(args: readonly string[] = []): Promise<FailoverSite> {
  const started: StartedRedis[] = [];
  const start = async (options: Parameters<typeof startRedis>[0]): Promise<StartedRedis> => {
    const server = await startRedis({ own: true, ...options });
    started.push(server);
    return server;
  };
  let close: () => void = () => undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
    close();
  };
  try {
    const primary = await start({ args });
    const way = await startRelay(primary.port);
    close = () => way.close();
    const replicaOf = ['--replicaof', '127.0.0.1', String(way.port)];
    const replicas = [
      await start({ args: [...args, ...replicaOf] }),
      await start({ args: [...args, ...replicaOf] }),
    ];
    await withClient(primary.url, (client) =>
      until(async () => (await client.info('replication')).match(/state=online/g)?.length === 2),
    );
    const config =
      `sentinel monitor main 127.0.0.1 ${way.port} 2\n` +
      `sentinel down-after-milliseconds main ${DOWN_AFTER_MS}\nsentinel failover-timeout main 6000\n`;
    const sentinels: StartedRedis[] = [];
    for (let count = 0; count < 3; count++) sentinels.push(await start({ config, args: ['--sentinel'] }));
    for (const { url } of sentinels) await untilAllAreKnown(url);
    return {
      connection: {
        sentinels: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
        name: 'main',
        natMap: { [`127.0.0.1:${way.port}`]: { host: '127.0.0.1', port: primary.port } },
      },
      primaryOf: () => findPrimary([primary, ...replicas]),
      part: () => way.hold(true),
      join: () => way.release(),
      all: started,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilAllAreKnown(url: string): Promise<void> {
  const client = new Redis(url);
  try {
    await until(async () => {
      const [state] = (await client.call('SENTINEL', 'MASTERS')) as string[][];
      const valueOf = (name: string): string | undefined => state?.[state.indexOf(name) + 1];
      return valueOf('num-slaves') === '2' && valueOf('num-other-sentinels') === '2';
    });
  } finally {
    client.disconnect();
  }
}

/** Three primaries, each with two replicas: one that is promoted, and one that this one writes to. */
export async function startClusterSite(args: readonly string[] = []): Promise<FailoverSite> {
  const { servers, connection, stop } = await startCluster({ primaries: 3, replicas: 6, args });
  return { connection, primaryOf: (prefix) => findPrimary(servers, `{${prefix}}`), all: servers, stop };
}

export interface StartedCluster {
  readonly servers: readonly StartedRedis[];
  readonly connection: { readonly nodes: { host: string; port: number }[] };
  stop(): Promise<void>;
}

/** @param plan how many of each; primaries have as many replicas each */
export async function startCluster(plan: {
  readonly primaries: number;
  readonly replicas: number;
  readonly args?: readonly string[];
}): Promise<StartedCluster> {
  const servers: StartedRedis[] = [];
  const stop = async (): Promise<void> => void (await Promise.all(servers.map((server) => server.stop())));
  try {
    for (let count = 0; count < plan.primaries + plan.replicas; count++) {
      const own = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())];
      own.push('--cluster-node-timeout', String(DOWN_AFTER_MS), '--cluster-replica-validity-factor', '0');
      servers.push(await startRedis({ own: true, args: [...(plan.args ?? []), ...own] }));
    }
    const clients = servers.map(({ url }) => new Redis(url));
    try {
      await formCluster(clients, servers, plan.primaries);
    } finally {
      for (const client of clients) client.disconnect();
    }
    const nodes = servers.slice(0, plan.primaries).map(({ port }) => ({ host: '127.0.0.1', port }));
    return { servers, connection: { nodes }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function formCluster(
  clients: readonly Redis[],
  servers: readonly StartedRedis[],
  primaries: number,
): Promise<void> {
  const busPort = async (client: Redis): Promise<string> =>
    /@(\d+)/.exec(String(await client.cluster('NODES')))?.[1] ?? '';
  const [first] = clients;
  if (first === undefined) throw new Error('A cluster has nodes');
  // Each an epoch of its own, or they would have to agree on that first; and before it knows of any other.
  for (const [index, client] of clients.entries())
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
  for (const [index, client] of clients.entries()) {
    if (index === 0) continue;
    const port = servers[index]?.port ?? 0;
    await first.call('CLUSTER', 'MEET', '127.0.0.1', port, await busPort(client));
  }
  const share = Math.ceil(16_384 / primaries);
  for (const [index, client] of clients.slice(0, primaries).entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, Math.min(16_384, (index + 1) * share) - 1);
  }
  const know = async (count: number, kind: string): Promise<boolean> => {
    const told = await Promise.all(clients.map(async (client) => String(await client.cluster('NODES'))));
    return told.every(
      (lines) => (lines.match(new RegExp(`\\b${kind}\\b.* connected`, 'g'))?.length ?? 0) >= count,
    );
  };
  await until(() => know(clients.length, 'master'));
  for (const [index, client] of clients.slice(primaries).entries()) {
    await client.call(
      'CLUSTER',
      'REPLICATE',
      String(await clients[index % primaries]?.call('CLUSTER', 'MYID')),
    );
  }
  await until(() => know(clients.length - primaries, 'slave'));
  await until(async () => {
    const infos = await Promise.all(clients.map(async (client) => String(await client.cluster('INFO'))));
    return infos.every((info) => info.includes('cluster_state:ok'));
  });
  for (const client of clients.slice(primaries)) {
    await until(async () => (await client.info('replication')).includes('master_link_status:up'));
  }
  // Where a primary needs a replica to be written to, it has to have heard of it.
  for (const client of clients.slice(0, primaries)) {
    await until(async () => !(await client.info('replication')).includes('min_slaves_good_slaves:0'));
  }
}

/** @param key of the slot whose primary is asked for, in a cluster */
async function findPrimary(servers: readonly StartedRedis[], key?: string): Promise<StartedRedis> {
  for (const server of servers) {
    const isIt = await withClient(server.url, async (client) => {
      if ((await roleOf(client)) !== 'master') return false;
      return (
        key === undefined ||
        (await client.exists(key).then(
          () => true,
          () => false,
        ))
      );
    });
    if (isIt) return server;
  }
  throw new Error('There is no primary');
}

/** Waits until one of the servers that are replicas is a primary. */
export async function untilPromoted(servers: readonly StartedRedis[]): Promise<void> {
  const clients = servers.map(({ url }) => new Redis(url));
  try {
    const roles = await Promise.all(clients.map(roleOf));
    const replicas = clients.filter((_client, index) => roles[index] === 'slave');
    await Promise.race(replicas.map((client) => until(async () => (await roleOf(client)) === 'master')));
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function roleOf(client: Redis): Promise<string | undefined> {
  return /role:(\w+)/.exec(await client.info('replication'))?.[1];
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
