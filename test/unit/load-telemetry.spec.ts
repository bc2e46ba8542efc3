import { afterEach, describe, expect, it } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { RtcCallInfo, RtcEvent } from 'nestjs-rtc-messaging';
import { describeClient, errorTypes } from '../../lib/telemetry/attributes.js';
import { loadTelemetry } from '../../lib/telemetry/load-telemetry.js';
import { NO_TELEMETRY } from '../../lib/telemetry/telemetry.js';
import { type Sdk, startSdk } from '../support/open-telemetry.js';

const CLIENT = { endpoint: 'https://rtc.volcengineapi.com', module: 'default' };
const call: RtcCallInfo = {
  module: 'default',
  id: 1,
  action: 'BatchSendRoomUnicast',
  startedAt: new Date().toISOString(),
};
const outcome: RtcEvent = {
  type: 'outcome',
  call,
  outcome: 'accepted',
  attempts: [],
  possibleDuplicate: false,
  durationMs: 5,
};

describe('loading telemetry', () => {
  const loadFailing = async (error: Error) => {
    const told: string[] = [];
    const telemetry = await loadTelemetry(
      CLIENT,
      (problem) => told.push(problem),
      async () => {
        throw error;
      },
    );
    return { telemetry, told };
  };

  it.each([
    "Cannot find package '@opentelemetry/api' imported from /app/node_modules/nestjs-rtc-messaging/index.js",
    "Cannot find module '@opentelemetry/api'\nRequire stack:\n- /app/index.js",
  ])('logs nothing where the package is not installed: %s', async (message) => {
    expect(await loadFailing(new Error(message))).toEqual({ telemetry: NO_TELEMETRY, told: [] });
  });

  it.each([
    "Cannot find package 'something' imported from /app/node_modules/@opentelemetry/api/index.js",
    "Cannot find module '/app/node_modules/@opentelemetry/api/build/src/index.js'\nRequire stack:\n- /app",
    'Unexpected token',
  ])('logs any other failure, and goes on without: %s', async (message) => {
    const { telemetry, told } = await loadFailing(new Error(message));
    expect(told).toEqual([
      `Telemetry is off: @opentelemetry/api can't be used (${message.split('\n', 1)[0]}).`,
    ]);
    expect(telemetry.within(call, () => 'done')).toBe('done');
  });

  it('logs that the package is something else', async () => {
    const told: string[] = [];
    const load = () => Promise.resolve({} as never);
    expect(await loadTelemetry(CLIENT, (problem) => told.push(problem), load)).toBe(NO_TELEMETRY);
    expect(told).toHaveLength(1);
  });
});

describe('telemetry', () => {
  let sdk: Sdk | undefined;
  afterEach(() => sdk?.close());
  const load = () =>
    loadTelemetry(CLIENT, (problem) => {
      throw new Error(problem);
    });

  it('ends a span once, and knows nothing of calls that it did not see begin', async () => {
    sdk = startSdk();
    const telemetry = await load();
    telemetry.onEvent(outcome);
    expect(sdk.spans()).toEqual([]);
    telemetry.onEvent({ type: 'begin', call });
    telemetry.onEvent(outcome);
    telemetry.onEvent(outcome);
    expect(sdk.spans().map(({ name }) => name)).toEqual(['BatchSendRoomUnicast']);
  });

  it('builds no attributes as long as there is no SDK, which may come at any time', async () => {
    const read: PropertyKey[] = [];
    const watched = new Proxy(call, {
      get: (target, name) => {
        read.push(name);
        return target[name as keyof RtcCallInfo];
      },
    });
    const attempt = {
      outcome: 'rejected',
      phase: 'done',
      startedAt: call.startedAt,
      durationMs: 5,
      throttled: true,
    } as const;
    const events: RtcEvent[] = [
      { type: 'begin', call: watched },
      { type: 'attempt', call: watched, number: 1, attempt },
      { type: 'wait', call: watched, reason: 'quota', delayMs: 5 },
      { type: 'retry', call: watched, reason: 'throttled', number: 2 },
      { ...outcome, call: watched },
    ];
    const telemetry = await load();
    const tell = () => {
      for (const event of events) telemetry.onEvent(event);
      return telemetry.within(watched, () => 'done');
    };
    expect(tell()).toBe('done');
    expect(read).toEqual([]);

    sdk = startSdk();
    expect(tell()).toBe('done');
    expect(read).toContain('action');
    expect(sdk.spans().map(({ name }) => name)).toEqual([
      'BatchSendRoomUnicast attempt',
      'BatchSendRoomUnicast',
    ]);
    expect(await sdk.metricNames()).toContain('nestjs_rtc_messaging.throttles');
  });

  it('keeps no span of a call or a fan-out whose end is never emitted', async () => {
    const spans: WeakRef<object>[] = [];
    sdk = startSdk({ onStart: (span) => spans.push(new WeakRef(span)) });
    const telemetry = await load();
    for (let id = 0; id < 100; id++) {
      const fanOut = { module: 'default', id: String(id), startedAt: call.startedAt };
      telemetry.onEvent({ type: 'fan_out_begin', fanOut });
      telemetry.onEvent({ type: 'begin', call: { ...call, id, fanOut } });
    }
    expect(spans).toHaveLength(200);
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    // What a weak reference was made of is held until the turn ends.
    await new Promise(setImmediate);
    collectGarbage();
    expect(spans.filter((span) => span.deref() !== undefined).length).toBeLessThanOrEqual(2);
  });

  it("names the vendor's host and the default port", async () => {
    sdk = startSdk();
    const telemetry = await load();
    telemetry.onEvent({ type: 'begin', call });
    telemetry.onEvent(outcome);
    expect(sdk.spans()[0]!.attributes).toMatchObject({
      'server.address': 'rtc.volcengineapi.com',
      'server.port': 443,
    });
  });

  it('reads the quota when metrics are collected, until the shutdown', async () => {
    sdk = startSdk();
    const telemetry = await load();
    let reads = 0;
    telemetry.watch(() => {
      reads += 1;
      return {
        queued: 3,
        maxQueue: 10,
        waitMs: 0,
        queuedBulk: 0,
        permitsPerSecond: 125,
        limit: 500,
        allowed: 400,
        costPer: 'recipient',
      };
    });
    expect((await sdk.points('nestjs_rtc_messaging.quota.utilization')).map(({ value }) => value)).toEqual([
      0.25,
    ]);
    expect(reads).toBe(1);
    telemetry.onEvent({ type: 'shutdown', module: 'default', status: 'started', inFlight: 0 });
    telemetry.onEvent(outcome);
    await sdk.metricNames();
    expect(reads).toBe(1);
  });
});

describe('the server that telemetry names', () => {
  it.each([
    ['http://[::1]:8080', '::1', 8_080],
    ['https://[2001:db8::1]', '2001:db8::1', 443],
    ['http://127.0.0.1', '127.0.0.1', 80],
    ['https://open.byteplusapi.com', 'open.byteplusapi.com', 443],
  ])('of %s is %s, port %i', (endpoint, address, port) => {
    expect(describeClient({ endpoint, module: 'eu' })).toEqual({
      'messaging.system': 'volcengine_rtc',
      'server.address': address,
      'server.port': port,
      'nestjs_rtc_messaging.module': 'eu',
    });
  });
});

describe('the types of errors', () => {
  it('are few, whatever the remote side makes up', () => {
    const typeOf = errorTypes(2);
    expect(['a', 'b', 'c', 'a', undefined].map(typeOf)).toEqual(['a', 'b', '_OTHER', 'a', '_OTHER']);
  });
});
