import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import {
  RoomUnicastService,
  RtcConfigError,
  RtcHealthIndicator,
  RtcMessagingModule,
  type RtcMessagingOptions,
  RtcQuotaError,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';
import { listenToEvents } from '../support/events.js';
import { LogLines } from '../support/log-lines.js';
import { leaksIn } from '../support/printed.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { uniqueName } from '../support/redis-quota.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const LIMIT = 100;
const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello' };

let emulator: RtcEmulator;
let redis: StartedRedis;
let modules: TestingModule[] = [];
beforeEach(async () => {
  redis = await startRedis({ own: true });
  emulator = await RtcEmulator.start({ quota: { requestsPerSecond: LIMIT } });
});
afterEach(async () => {
  for (const module of modules) await module.close();
  modules = [];
  await emulator.close();
  await redis.stop();
});

async function serviceWith(store: RedisQuota, logger = new LogLines(), options: RtcMessagingOptions = {}) {
  const module = await Test.createTestingModule({
    imports: [
      RtcMessagingModule.forRoot({
        ...emulator.moduleOptions(),
        ...options,
        quota: { requestsPerSecond: LIMIT, store },
      }),
    ],
  }).compile();
  module.useLogger(logger);
  modules.push(module);
  return module.get(RoomUnicastService);
}

function* users(count: number): Generator<string> {
  for (let user = 0; user < count; user++) yield `user-${user}`;
}

describe("a module's quota in Redis", () => {
  it('is shared with other processes, whatever they send, and not exceeded', async () => {
    // A store of its own is what makes it another process's.
    const services = await Promise.all(
      [1, 2, 3].map(() => serviceWith(new RedisQuota({ connection: redis.url, fallbackShare: 0.3 }))),
    );
    const reports = await Promise.all(
      services.map((service, index) =>
        service.fanOut({ roomId: `room-${index}`, to: users(100), message: 'all' }, { chunkSize: 1 }),
      ),
    );
    for (const { status, counts } of reports) {
      expect(status).toBe('accepted');
      expect(counts).toMatchObject({ input: 100, accepted: 100 });
    }
    expect(emulator.requests.filter(({ outcome }) => outcome === 'refused')).toEqual([]);
    expect(emulator.accepted.total).toBe(300);
  });

  it('has one limiter for the modules of a process that share a store', async () => {
    const store = new RedisQuota({ connection: redis.url, fallbackShare: 0.5 });
    const services = [await serviceWith(store), await serviceWith(store)];
    const { events, stop } = listenToEvents();
    await Promise.all(services.map((service) => service.batchSend(MESSAGE)));
    stop();
    expect(events.filter(({ type }) => type === 'quota')).toEqual([
      { type: 'quota', module: 'default', status: 'shared' },
    ]);
  });

  it('emits one event when Redis is away, and one when it is back', async () => {
    const logger = new LogLines();
    const service = await serviceWith(new RedisQuota({ connection: redis.url, fallbackShare: 0.5 }), logger);
    await service.batchSend(MESSAGE);
    expect(logger.lines).toEqual([]);
    const { events, stop } = listenToEvents();
    await redis.kill();
    for (let send = 0; send < 5; send++) await service.batchSend(MESSAGE);
    await redis.restart();
    const told = () => events.flatMap((event) => (event.type === 'quota' ? [event.status] : []));
    await until(() => told().length === 2);
    stop();
    expect(told()).toEqual(['fallback', 'shared']);
    expect(logger.lines).toEqual([
      expect.stringMatching(
        /^WARN Quota: Redis can't be reached.*\. This process uses its own share of the limit meanwhile, and tries again by itself: check that Redis runs and can be reached\.$/,
      ),
      'LOG Quota: shared again.',
    ]);
  });

  it('that is to refuse without Redis refuses single sends and ends a fan-out, without a byte sent', async () => {
    const logger = new LogLines();
    const service = await serviceWith(new RedisQuota({ connection: redis.url }), logger);
    await redis.kill();
    const error = await rejectionOf<RtcQuotaError>(service.batchSend(MESSAGE));
    expect(error).toBeInstanceOf(RtcQuotaError);
    expect(error).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted', attempts: [] });
    expect(modules[0]!.get(RtcHealthIndicator).status()).toMatchObject({
      status: 'down',
      problems: [expect.stringMatching(/^The shared quota is unavailable: Redis can't be reached/)],
      sharedQuota: { status: 'refusing' },
    });
    expect(error.message).toMatch(
      /^The shared quota is unavailable: Redis can't be reached.*\. Nothing was sent\.$/,
    );
    const report = await service.fanOut({ roomId: 'room-1', to: users(5_000), message: 'all' });
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'quota' }, counts: { accepted: 0 } });
    expect(report.counts.notAttempted).toBe(report.counts.input);
    expect(emulator.requests).toHaveLength(0);
    expect(logger.lines).toEqual([
      expect.stringMatching(/^ERROR Quota: Redis can't be reached.*\. Nothing is sent\.$/),
    ]);
  });

  it('needs a name for the account where access keys differ from process to process', async () => {
    const { credentials } = emulator.moduleOptions();
    const provider = { credentials: async () => credentials };
    const unnamed = new RedisQuota({ connection: redis.url });
    const error = await rejectionOf<RtcConfigError>(serviceWith(unnamed, undefined, provider));
    expect(error).toBeInstanceOf(RtcConfigError);
    expect(error.message).toContain('quota.store: needs an account');
    const named = new RedisQuota({ connection: redis.url, account: uniqueName() });
    const service = await serviceWith(named, undefined, provider);
    await expect(service.batchSend(MESSAGE)).resolves.toMatchObject({ outcome: 'accepted' });
  });

  it('is checked like every option, and shows no password however it is printed', async () => {
    const wrong = await rejectionOf<RtcConfigError>(serviceWith({} as RedisQuota));
    expect(wrong.message).toContain('quota.store: must be a RedisQuota, or a store like it');
    const store = new RedisQuota({ connection: redis.url.replace('//', '//:CANARY@'), fallbackShare: 1 });
    const service = await serviceWith(store);
    const nothing = (): void => undefined;
    const opened = store.open({
      name: 'any',
      demand: () => ({ limit: LIMIT, out: 0, wanted: 0, together: 0 }),
      onPermits: nothing,
    });
    expect(await leaksIn([store, opened, service])).toEqual([]);
    opened.close();
  });

  it('is refused options that are wrong, all at once, without their values', () => {
    const options = {
      connection: 'secret-host',
      fallbackShare: 2,
      timeoutMs: 1,
      account: '',
      keyPrefix: '{x}',
      share: 1,
    };
    const create = (): RedisQuota => new RedisQuota(options as never);
    expect(create).toThrow(RtcConfigError);
    for (const name of Object.keys(options)) expect(create).toThrow(`RedisQuota.${name}: `);
    expect(create).not.toThrow(/secret-host/);
    expect(() => new RedisQuota({} as never)).toThrow('RedisQuota.connection: is missing');
  });
});
