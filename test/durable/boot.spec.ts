import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Test, type TestingModule } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { getRoomUnicastToken, RtcConfigError, RtcMessagingModule } from 'nestjs-rtc-messaging';
import {
  FanOutQueueService,
  RtcFanOutQueueModule,
  type RtcFanOutQueueExtras,
  type RtcFanOutQueueOptions,
} from 'nestjs-rtc-messaging/bullmq';
import { ChunkJobs } from '../../lib/bullmq/chunk-jobs.js';
import { ChunkWorker } from '../../lib/bullmq/chunk-worker.js';
import { FanOutLedger } from '../../lib/bullmq/fan-out-ledger.js';
import { resolveFanOutQueueSettings } from '../../lib/bullmq/fan-out-queue-settings.js';
import { RedisHolder } from '../../lib/bullmq/redis-holder.js';
import { ownPrefix } from '../support/fan-out-queue.js';
import { LogLines } from '../support/log-lines.js';
import { leaksIn } from '../support/printed.js';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const RTC = {
  name: 'europe',
  appId: 'an-app',
  from: 'server',
  credentials: { accessKeyId: 'AKLTtest', secretAccessKey: 'a-secret-key' },
};

let redis: StartedRedis;
let log: LogLines;
beforeEach(async () => {
  redis = await startRedis({ own: true });
  log = new LogLines();
});
afterEach(() => redis.stop());

/** An app that sends in the name of an account, as `NestFactory` makes it: nothing is closed when it fails. */
async function boot(
  options: Partial<RtcFanOutQueueOptions & RtcFanOutQueueExtras> = {},
): Promise<TestingModule> {
  const module = await Test.createTestingModule({
    imports: [
      RtcMessagingModule.forRoot(RTC),
      RtcFanOutQueueModule.forRoot({ connection: redis.url, prefix: ownPrefix(), ...options }),
    ],
  })
    .setLogger(log)
    .compile();
  return module.init();
}

describe('an app with a queue', () => {
  it('fails to boot where its only RtcMessagingModule has a name, says how to name it, and leaves nothing open', async () => {
    const error = await rejectionOf<RtcConfigError>(boot());
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.message).toContain(
      'RtcFanOutQueueModule.roomUnicast: a worker sends through an RtcMessagingModule without a name, which is not ' +
        "imported in this app; import it, name another one (roomUnicast: getRoomUnicastToken('its name')), or set " +
        "role: 'producer'",
    );
    const watcher = new Redis(redis.url);
    expect((await watcher.client('LIST')) as string).not.toMatch(/\n./);
    watcher.disconnect();
  });

  it('fails to boot where the bare class is imported, and names forRoot()', async () => {
    const booting = Test.createTestingModule({ imports: [RtcFanOutQueueModule] }).compile();
    expect((await rejectionOf<RtcConfigError>(booting)).message).toContain(
      'RtcFanOutQueueModule is not configured correctly:\n  - RtcFanOutQueueModule.forRoot(): was not called',
    );
  });

  it('fails to boot where the RtcMessagingModule that it names is missing, and names it', async () => {
    const error = await rejectionOf<RtcConfigError>(boot({ roomUnicast: getRoomUnicastToken('asia') }));
    expect(error.message).toContain(
      "RtcFanOutQueueModule.roomUnicast: names 'nestjs-rtc-messaging:room-unicast:asia', which no module of this " +
        'app provides; import the RtcMessagingModule of that name',
    );
  });

  it('opens nothing as a worker when the RtcMessagingModule to send through does not come up', async () => {
    await withClient(redis.url, async (client) => {
      const connections = async (): Promise<number> =>
        Number(/total_connections_received:(\d+)/.exec(await client.info('stats'))?.[1]);
      const before = await connections();
      const { name: _name, ...unnamed } = RTC;
      const booting = Test.createTestingModule({
        imports: [
          RtcFanOutQueueModule.forRoot({ connection: redis.url, prefix: ownPrefix() }),
          RtcMessagingModule.forRootAsync({
            useFactory: async () => {
              await setImmediate();
              return { ...unnamed, appId: '' };
            },
          }),
        ],
      }).compile();
      const error = await rejectionOf<RtcConfigError>(booting);
      expect(error.message).toContain('appId');
      // Redis takes connections in turn: this one after any that the app had opened.
      await withClient(redis.url, (later) => later.ping());
      expect(await connections()).toBe(before + 1);
    });
  });

  it('sends through the RtcMessagingModule that it names', async () => {
    const module = await boot({ roomUnicast: getRoomUnicastToken('europe') });
    await module.close();
  });

  it.each(['producer', 'worker'] as const)(
    'does not start as a %s with a replica that can not be written to',
    async (role) => {
      await redis.restart(['--replicaof', '127.0.0.1', '1', '--replica-serve-stale-data', 'yes']);
      const error = await rejectionOf<RtcConfigError>(
        boot({ role, roomUnicast: getRoomUnicastToken('europe') }),
      );
      expect(error).toBeInstanceOf(RtcConfigError);
      expect(error.message).toBe(
        'RtcFanOutQueueModule is not configured correctly:\n' +
          "  - RtcFanOutQueueModule.connection: Redis can't be used: READONLY You can't write against a read only replica; " +
          'connect to the primary, or by Sentinel or Cluster options',
      );
    },
  );

  it('waits for a Redis that is about to start, and logs the wait', async () => {
    await redis.kill();
    const booting = boot({ role: 'producer' });
    await until(() => log.lines.some((line) => line.includes('Redis does not answer yet (')));
    expect(log.lines.filter((line) => line.startsWith('WARN'))).toEqual([
      expect.stringMatching(
        /^WARN Redis does not answer yet \(connect ECONNREFUSED \S+\)\. The app starts when it does, or fails after 10 s\.$/,
      ),
    ]);
    await redis.restart();
    await (await booting).close();
  });

  it('lets work that takes longer than it would wait for Redis end, as long as Redis answers', async () => {
    const settings = { ...resolveFanOutQueueSettings({ connection: redis.url }), lostAfterMs: 1 };
    const holder = await RedisHolder.open(settings);
    let end: () => void = () => undefined;
    const finishing = holder.finish(new Promise<void>((resolve) => (end = resolve)));
    await until(async () => /cmdstat_srem:calls=[4-9]/.test(await holder.client().info('commandstats')));
    expect(holder.closing.isCancelled).toBe(false);
    end();
    await finishing;
    expect(holder.closing.isCancelled).toBe(false);
    holder.close();
  });

  it('has a connection again when its client has ended by itself, and not once it is closed', async () => {
    const settings = resolveFanOutQueueSettings({ connection: redis.url });
    const holder = await RedisHolder.open(settings);
    const ledger = new FanOutLedger(holder, settings);
    const ended = once(holder.client(), 'end');
    // As ioredis does when it is told of a failover while it searches for the primary.
    holder.client().disconnect();
    await ended;
    expect(await ledger.look('none')).toBeUndefined();
    holder.close();
    await expect(ledger.look('none')).rejects.toThrow();
    await sleep(500);
    expect(holder.client().status).toBe('end');
  });

  it('has its commands answered though the client ended while it reconnected', async () => {
    const settings = resolveFanOutQueueSettings({ connection: redis.url });
    const holder = await RedisHolder.open(settings);
    const client = holder.client() as Redis;
    const ledger = new FanOutLedger(holder, settings);
    // Known to the connection, so that the next one is a single command.
    await ledger.look('none');
    await redis.kill('SIGSTOP');
    const looking = ledger.look('none');
    await setImmediate();
    client.stream.destroy();
    await once(client, 'connect');
    client.disconnect();
    await once(client, 'end');
    await redis.kill('SIGCONT');
    expect(await looking).toBeUndefined();
    holder.close();
  });

  it('shows no password of Redis in any property', async () => {
    await redis.restart(['--requirepass', 'CANARY']);
    const connection = redis.url.replace('//', '//:CANARY@');
    const options = { connection, roomUnicast: getRoomUnicastToken('europe') };
    const module = await boot(options);
    const registered = RtcFanOutQueueModule.forRoot(options);
    const parts = [
      'nestjs-rtc-messaging:fan-out-queue-settings',
      RedisHolder,
      FanOutQueueService,
      FanOutLedger,
    ];
    const own = [...parts, ChunkJobs, ChunkWorker].map((token) => module.get(token, { strict: false }));
    const leaks = await leaksIn([registered, own]);
    await module.close();
    expect(leaks).toEqual([]);
  });

  it('does not keep its process running for a connection that has ended already', async () => {
    const holder = await RedisHolder.open(resolveFanOutQueueSettings({ connection: redis.url }));
    const ended = once(holder.client(), 'end');
    holder.client().disconnect();
    await ended;
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    holder.close();
    expect(timers()).toBe(before);
  });
});
