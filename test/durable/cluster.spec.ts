import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { startCluster } from '../support/failover-sites.js';
import { ownPrefix, type QueueApp, startQueueApp } from '../support/fan-out-queue.js';

const TEXT = { roomId: 'room-1', message: 'hello' };
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `user-${index}`);

let cluster: Awaited<ReturnType<typeof startCluster>>;
let clients: Redis[] = [];
let emulator: RtcEmulator;
let app: QueueApp;
let prefix: string;
beforeAll(async () => {
  cluster = await startCluster({ primaries: 2, replicas: 0 });
  clients = cluster.servers.map(({ url }) => new Redis(url));
});
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await cluster.stop();
});
beforeEach(async () => {
  prefix = ownPrefix();
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
  const rtc = { ...emulator.moduleOptions(), quota: { requestsPerSecond: 100_000 } };
  app = await startQueueApp({ nodes: [...cluster.connection.nodes] }, { prefix, concurrency: 4 }, rtc);
});
afterEach(async () => {
  await app.close();
  await emulator.close();
});

describe('in a Redis Cluster, a durable fan-out', () => {
  it('is enqueued and sent while its slot moves from node to node, however long that takes', async () => {
    const [one, other] = clients as [Redis, Redis];
    const slot = Number(await one.cluster('KEYSLOT', `{${prefix}}`));
    const [from, to] = slot < 8_192 ? [one, other] : [other, one];
    const idOf = async (client: Redis): Promise<string> => String(await client.call('CLUSTER', 'MYID'));
    const [fromId, toId] = [await idOf(from), await idOf(to)];
    emulator.faults.replace([{ kind: 'late', delayMs: 10, probability: 1 }]);
    let isMoved = false;
    const move = async (): Promise<void> => {
      // Longer than what clients try by themselves: each script touches keys of both nodes, or of none.
      await sleep(4_000);
      for (;;) {
        const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', slot, 20)) as string[];
        if (keys.length === 0) break;
        await from.call('MIGRATE', '127.0.0.1', to.options.port ?? 0, '', 0, 5_000, 'KEYS', ...keys);
      }
      for (const client of [to, from]) await client.call('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      isMoved = true;
    };
    const enqueuing = app.queue.enqueue(
      {
        ...TEXT,
        to: (async function* () {
          yield* users(500);
          // The rest while it is moved, and after that.
          await to.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
          await from.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
          void move();
          for (const user of users(1_000).slice(500)) {
            yield user;
            if (isMoved) await sleep(0);
          }
        })(),
      },
      { chunkSize: 10 },
    );
    const handle = await enqueuing;
    expect(isMoved).toBe(true);
    const { counts } = await handle.result();
    expect(counts).toMatchObject({ input: 1_000, accepted: 1_000, unknown: 0 });
    expect(emulator.accepted.duplicates()).toEqual([]);
  });
});
