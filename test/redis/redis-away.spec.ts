import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { RedisQuota, type RedisQuotaOptions } from 'nestjs-rtc-messaging/redis';
import { RtcQuotaError } from 'nestjs-rtc-messaging';
import { leaksIn } from '../support/printed.js';
import { type StartedRedis, startRedis, withClient } from '../support/redis.js';
import { mostInAnySecond, openLimiter, type OpenLimiter, pass, uniqueName } from '../support/redis-quota.js';
import { until } from '../support/until.js';

const LIMIT = 200;

let redis: StartedRedis;
let limiters: OpenLimiter[] = [];
beforeEach(async () => {
  redis = await startRedis({ own: true });
});
afterEach(async () => {
  for (const { limiter } of limiters) limiter.close();
  limiters = [];
  await redis.stop();
});

function open(options: Partial<RedisQuotaOptions> = {}, name = uniqueName()): OpenLimiter {
  const one = openLimiter(
    new RedisQuota({ connection: redis.url, fallbackShare: 0.25, ...options }),
    name,
    LIMIT,
  );
  limiters.push(one);
  return one;
}

const statuses = ({ changes }: OpenLimiter): string[] => changes.map(({ status }) => status);

/** Sends all the time, until it is told to stop. */
function keepSending(opened: readonly OpenLimiter[]): { readonly times: number[]; stop(): Promise<void> } {
  const times: number[] = [];
  const stopping = new AbortController();
  const sending = opened.flatMap((one) =>
    Array.from({ length: 20 }, async () => {
      while (!stopping.signal.aborted) times.push(await pass(one));
    }),
  );
  return {
    times,
    stop: async () => {
      stopping.abort();
      await Promise.all(sending);
    },
  };
}

describe('a shared quota while Redis is away', () => {
  it.each<[string, (redis: StartedRedis) => Promise<void>, (redis: StartedRedis) => Promise<void>]>([
    ['is killed and started again', (server) => server.kill(), (server) => server.restart()],
    [
      'is stopped in order and started again',
      (server) => server.kill('SIGTERM'),
      (server) => server.restart(),
    ],
    ['freezes and goes on', (server) => server.kill('SIGSTOP'), (server) => server.kill('SIGCONT')],
  ])(
    'that %s keeps to the shares, then to the limit, and never exceeds it',
    async (_what, goAway, comeBack) => {
      const name = uniqueName();
      // Long enough for a busy machine to answer in time, while it is there.
      const opened = Array.from({ length: 4 }, () => open({ timeoutMs: 2_000 }, name));
      const sending = keepSending(opened);
      await until(() => sending.times.length > 100);
      await goAway(redis);
      await until(() => opened.every((one) => statuses(one).includes('fallback')));
      const alone = sending.times.length;
      await until(() => sending.times.length > alone + 200);
      await comeBack(redis);
      await until(() => opened.every((one) => statuses(one).at(-1) === 'shared'));
      const shared = sending.times.length;
      await until(() => sending.times.length > shared + 300);
      await sending.stop();
      expect(mostInAnySecond(sending.times)).toBeLessThanOrEqual(LIMIT);
      for (const one of opened) {
        expect(statuses(one)).toEqual(['shared', 'fallback', 'shared']);
        expect(one.changes[1]!.failure).toMatch(
          /^Redis (can't be reached \(\w+\)|can't be reached|did not answer within 2000 ms)$/,
        );
      }
    },
  );

  it('keeps each process to its share', async () => {
    const one = open();
    await redis.kill();
    const sending = keepSending([one]);
    await until(() => sending.times.length >= 120);
    await sending.stop();
    expect(mostInAnySecond(sending.times)).toBeLessThanOrEqual(LIMIT / 4);
  });

  it('refuses waiting and new requests with a reason where that is the choice, and serves them afterwards', async () => {
    const one = open({ fallbackShare: undefined, timeoutMs: 1_000 });
    await pass(one);
    await redis.kill('SIGSTOP');
    // What it holds is usable for a moment more.
    await sleep(700);
    const waiting = pass(one);
    await expect(waiting).rejects.toBeInstanceOf(RtcQuotaError);
    await expect(waiting).rejects.toThrow(
      'The shared quota is unavailable: Redis did not answer within 1000 ms. Nothing was sent.',
    );
    await expect(pass(one)).rejects.toMatchObject({
      code: 'RTC_QUOTA',
      outcome: 'not_attempted',
      retryAfterMs: 250,
    });
    await redis.kill('SIGCONT');
    await until(() => statuses(one).at(-1) === 'shared');
    await pass(one);
    expect(statuses(one)).toEqual(['shared', 'refusing', 'shared']);
  });

  it('gives back permits that were asked for while Redis was frozen', async () => {
    const name = uniqueName();
    const one = open({ fallbackShare: undefined, timeoutMs: 500 }, name);
    await pass(one);
    await redis.kill('SIGSTOP');
    await sleep(700);
    await expect(Promise.all(Array.from({ length: 20 }, () => pass(one)))).rejects.toBeInstanceOf(
      RtcQuotaError,
    );
    await redis.kill('SIGCONT');
    await until(() => statuses(one).at(-1) === 'shared');
    // No one uses them any more, and Redis has been told.
    const fields = async (): Promise<string[]> =>
      withClient(redis.url, async (client) => client.hkeys((await client.keys('*'))[0] ?? 'none'));
    await until(async () => !(await fields()).some((name) => name.startsWith('p:')));
  });

  it('connects again also with the options of a client of the app', async () => {
    const connection = new Redis(redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
    connection.on('error', () => undefined);
    try {
      const one = open({ connection, timeoutMs: 1_000 });
      await pass(one);
      await redis.kill();
      await until(() => statuses(one).at(-1) === 'fallback');
      await pass(one);
      expect(statuses(one)).toEqual(['shared', 'fallback']);
      await redis.restart();
      await until(() => statuses(one).at(-1) === 'shared');
      await pass(one);
    } finally {
      connection.disconnect();
    }
  });

  it('does not take the delay of a frozen process for Redis being away', async () => {
    const one = open({ timeoutMs: 500 });
    await pass(one);
    const passing = pass(one);
    for (const end = performance.now() + 1_000; performance.now() < end;);
    await passing;
    expect(statuses(one)).toEqual(['shared']);
  });
});

describe('a shared quota during its first connection', () => {
  /** Connects whoever comes to Redis, but not at once. */
  async function slowLine(delayMs: number): Promise<{ readonly url: string; close(): void }> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined).pause());
      setTimeout(() => {
        const line = connect(redis.port, '127.0.0.1').on('error', () => undefined);
        sockets.add(line);
        socket.pipe(line).pipe(socket);
      }, delayMs);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: () => {
        server.close();
        for (const socket of sockets) socket.destroy();
      },
    };
  }

  it.each<[string, (url: string) => RedisQuotaOptions]>([
    ['of its own', (connection) => ({ connection })],
    [
      'of its own without an offline queue',
      (url) => ({ connection: { port: Number(new URL(url).port), enableOfflineQueue: false } }),
    ],
    [
      "with a client's options, without an offline queue",
      (url) => ({ connection: new Redis(url, { enableOfflineQueue: false, lazyConnect: true }) }),
    ],
  ])('has calls wait for a slow one %s', async (_what, optionsFor) => {
    const line = await slowLine(1_500);
    const options = optionsFor(line.url);
    try {
      const one = open({ fallbackShare: undefined, timeoutMs: 1_000, ...options });
      await Promise.all([pass(one), pass(one)]);
      expect(statuses(one)).toEqual(['shared']);
    } finally {
      line.close();
    }
  });

  it('has calls wait for no longer than a few seconds', async () => {
    const line = await slowLine(60_000);
    try {
      const one = open({ fallbackShare: undefined, timeoutMs: 200, connection: line.url });
      const asked = performance.now();
      await expect(pass(one)).rejects.toThrow(
        'The shared quota is unavailable: Redis did not answer within 3000 ms',
      );
      expect(performance.now() - asked).toBeLessThan(30_000);
    } finally {
      line.close();
    }
  });
});

describe('a Redis that is flushed', () => {
  it('begins with a pause, as long as earlier requests still count', async () => {
    const name = uniqueName();
    const opened = [open({}, name), open({}, name)];
    const sending = keepSending(opened);
    await until(() => sending.times.length > 150);
    await withClient(redis.url, (client) => client.flushall());
    const before = sending.times.length;
    await until(() => sending.times.length > before + 250);
    await sending.stop();
    expect(mostInAnySecond(sending.times)).toBeLessThanOrEqual(LIMIT);
    for (const one of opened) expect(statuses(one)).toEqual(['shared']);
  });
});

describe('a Redis that can not serve the quota', () => {
  const PASSWORD = 'pass-word-of-this-test';
  const failureOf = async (options: Partial<RedisQuotaOptions>): Promise<string> => {
    const one = open(options);
    await pass(one);
    expect(statuses(one)[0]).toBe('fallback');
    expect(await leaksIn(one, new RegExp(PASSWORD))).toEqual([]);
    return one.changes[0]!.failure!;
  };
  it('has a clear failure where the password is wrong', async () => {
    await redis.restart(['--requirepass', PASSWORD]);
    const wrong = redis.url.replace('//', `//:not-${PASSWORD}@`);
    const store = new RedisQuota({ connection: wrong, fallbackShare: 0.25 });
    expect(await leaksIn(store, new RegExp(PASSWORD))).toEqual([]);
    const failures = [await failureOf({ connection: wrong }), await failureOf({})];
    for (const failure of failures)
      expect(failure).toMatch(/^Redis refuses the user name or password; check them/);
    expect(failures.join()).not.toContain(PASSWORD);
    const right = open({ connection: redis.url.replace('//', `//:${PASSWORD}@`) });
    await pass(right);
    expect(statuses(right)).toEqual(['shared']);
  });

  it('has a clear failure where it is a read-only replica', async () => {
    await redis.restart(['--replicaof', '127.0.0.1', '1', '--replica-serve-stale-data', 'yes']);
    expect(await failureOf({})).toBe(
      'Redis is a read-only replica; connect to the primary, or by Sentinel or Cluster options (READONLY)',
    );
  });

  it('is not one without free memory, since permits take little and the script frees some first', async () => {
    await withClient(redis.url, async (client) => {
      await client.config('SET', 'maxmemory', '1');
      const one = open();
      await pass(one);
      expect(statuses(one)).toEqual(['shared']);
    });
  });

  it('has a clear failure where the user lacks a permission', async () => {
    await withClient(redis.url, (client) =>
      client.call('ACL', 'SETUSER', 'poor', 'on', `>${PASSWORD}`, '~*', '+@connection', '+info', '+get'),
    );
    const failure = await failureOf({ connection: redis.url.replace('//', `//poor:${PASSWORD}@`) });
    expect(failure).toMatch(
      /^Redis does not allow this user what is needed; allow it \+evalsha \+eval .*\(NOPERM\)$/,
    );
  });

  it('serves it with the rights that the failure names', async () => {
    await withClient(redis.url, (client) =>
      client.call(
        'ACL',
        'SETUSER',
        'able',
        'on',
        `>${PASSWORD}`,
        '~nestjs-rtc-messaging:quota:*',
        ...'+evalsha +eval +time +info +del +pexpire +pttl +@hash +@sortedset'.split(' '),
      ),
    );
    const one = open({ connection: redis.url.replace('//', `//able:${PASSWORD}@`) });
    await pass(one);
    expect(statuses(one)).toEqual(['shared']);
  });

  it('has a clear failure where something else is under its key', async () => {
    const name = uniqueName();
    await pass(open({}, name));
    await withClient(redis.url, async (client) => {
      const [key] = await client.keys('*');
      await client.del(key!);
      await client.lpush(key!, 'x');
    });
    const one = open({}, name);
    await pass(one);
    expect(one.changes[0]!.failure).toMatch(
      /^Redis holds something else under the library's key; choose another keyPrefix/,
    );
  });

  it('has a clear failure where its version is too old for a script that asks for the time and writes', async () => {
    const refusal =
      '-ERR Error running script (call to f_1): @user_script:5: @user_script: 5: Write commands not allowed after ' +
      'non deterministic commands. Call redis.replicate_commands() at the start of your script\r\n';
    const old = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        for (const [, command] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)\r\n/g)) {
          const name = command!.toLowerCase();
          if (name.startsWith('eval')) socket.write(refusal);
          else if (name === 'info') socket.write('$20\r\nredis_version:4.0.14\r\n');
          else if (name === 'hello') socket.write("-ERR unknown command 'HELLO'\r\n");
          else socket.write('+OK\r\n');
        }
      });
    });
    old.listen(0, '127.0.0.1');
    await once(old, 'listening');
    try {
      const { port } = old.address() as AddressInfo;
      expect(await failureOf({ connection: `redis://127.0.0.1:${port}` })).toBe(
        'Redis lacks what is needed: Redis 5 or later, or Valkey, with EVAL, EVALSHA and TIME',
      );
    } finally {
      for (const { limiter } of limiters) limiter.close();
      limiters = [];
      old.close();
    }
  });

  it('has a clear failure where nothing listens', async () => {
    await redis.kill();
    expect(await failureOf({})).toBe("Redis can't be reached (ECONNREFUSED)");
  });
});
