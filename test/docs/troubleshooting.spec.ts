import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { resolve } from 'node:path';
import type { RtcMessagingOptions } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { certificate } from '../support/certificate.js';
import { tablesIn } from '../support/markdown.js';
import { rejectionOf } from '../support/rejection.js';
import { listen } from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const PAGE = resolve(import.meta.dirname, '../../docs/troubleshooting.md');
/** Rows whose messages are not of the library, or need a name server or the end of an app to come about. */
const ELSEWHERE = [
  'Cannot read properties of undefined',
  'ERR_REQUIRE_ESM',
  'ENOTFOUND',
  // check-setup.spec.ts
  'CERT_HAS_EXPIRED',
  // proxies.spec.ts
  'PROXY_REFUSED',
  // operator-log.spec.ts and call-error.spec.ts
  'it is unknown whether',
  'RESPONSE_TOO_LARGE',
  'the provider failed',
  "Redis can't",
  'the service refuses everything',
  // The specs of the shutdown.
  'the shutdown of the app',
];
const CODES = [
  'InvalidSecretToken',
  'AccessDenied.NoPermissionForApp',
  'AccessDenied.ServiceNotEnabled',
  'InvalidParameter.NotExistAppId',
  'InvalidParameter.IllegalFrom',
  'InternalError',
  'FlowLimitExceeded',
] as const;

describe('the page on troubleshooting', () => {
  let emulator: RtcEmulator;
  let secure: RtcEmulator;
  let trusting: Partial<RtcMessagingOptions> = {};
  let rows: string[][] = [];
  const seen = new Map<string, string>();

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    const tls = await certificate();
    trusting = { http: { httpsAgent: new HttpsAgent({ ca: tls.cert }) } };
    secure = await RtcEmulator.start({ tls });
    // What each message contains, by row.
    rows = tablesIn(await readFile(PAGE, 'utf8'))
      .flat()
      .map(([message = '']) => Array.from(message.matchAll(/`([^`]+)`/g), ([, code = '']) => code));
  });
  afterAll(async () => {
    await emulator.close();
    await secure.close();
  });

  /** The message of a call that fails once, by the settings or by a fault that was added. */
  async function messageOf(options: Partial<RtcMessagingOptions>, to = 'alice'): Promise<string> {
    const { module, service } = await createService({
      ...emulator.moduleOptions(),
      retry: { maxAttempts: 1 },
      ...options,
    });
    const { message } = await rejectionOf(
      service.batchSend({ roomId: 'room-1', to: ['a', 'b', 'c', to], message: 'hello' }),
    );
    await module.close();
    emulator.faults.clear();
    return message;
  }

  it('has what the library says when something is set up wrong', async () => {
    const { credentials } = emulator.moduleOptions();
    const closed = await listen(createServer());
    await closed.close();
    const problems: Record<string, Partial<RtcMessagingOptions>> = {
      ECONNREFUSED: { endpoint: `http://127.0.0.1:${closed.port}` },
      ERR_SSL_WRONG_VERSION_NUMBER: { endpoint: emulator.url.replace('http:', 'https:') },
      DEPTH_ZERO_SELF_SIGNED_CERT: { endpoint: secure.url },
      ERR_TLS_CERT_ALTNAME_INVALID: { endpoint: secure.url.replace('127.0.0.1', 'localhost'), ...trusting },
      InvalidAccessKey: { credentials: { ...credentials, accessKeyId: 'unknown' } },
      SignatureDoesNotMatch: { credentials: { ...credentials, secretAccessKey: 'wrong' } },
    };
    const hanging = { credentials: () => new Promise<never>(() => {}), timeoutMs: 100 };
    seen.set('not signed in time', await messageOf(hanging));
    for (const [part, options] of Object.entries(problems)) seen.set(part, await messageOf(options));
    seen.set('to[3]:', await messageOf({}, 'a b'));
    const refusal = createService({ ...emulator.moduleOptions(), appId: undefined as never });
    seen.set('appId (RTC_APP_ID)', (await rejectionOf(refusal)).message);
    for (const [part, message] of seen) expect(message).toContain(part);
  });

  it('has what the library says when the service or the network fails', async () => {
    const failures = new Map<string, string>();
    for (const code of CODES) {
      emulator.faults.add({ kind: 'error', code });
      failures.set(code, await messageOf({}));
    }
    emulator.faults.add({ kind: 'reset' });
    failures.set('ECONNRESET', await messageOf({}));
    emulator.faults.add({ kind: 'html' });
    failures.set("can't be read as a success", await messageOf({}));
    emulator.faults.add({ kind: 'late', delayMs: 5_000 });
    failures.set('exceeded timeoutMs', await messageOf({ timeoutMs: 100 }));
    // More than once, since the library signs again with the service's time.
    emulator.faults.add({ kind: 'error', code: 'InvalidTimestamp', times: 5 });
    failures.set('InvalidTimestamp', await messageOf({}));
    failures.set("The quota's queue", await messageOfLongQueue());
    for (const [part, message] of failures) {
      expect(message).toContain(part);
      seen.set(part, message);
    }
  });

  it('has a row for each of them, and no row that no test checks', () => {
    expect([...seen.keys()].filter((part) => !rows.flat().includes(part))).toEqual([]);
    const known = new Set([...seen.keys(), ...ELSEWHERE]);
    expect(rows.filter((parts) => !parts.some((part) => known.has(part)))).toEqual([]);
  });

  async function messageOfLongQueue(): Promise<string> {
    const { module, service } = await createService({
      ...emulator.moduleOptions(),
      quota: { requestsPerSecond: 1 },
      timeoutMs: 300,
      deadlineMs: 300,
    });
    const request = { roomId: 'room-1', to: ['alice'], message: 'hello' };
    const calls = await Promise.allSettled(Array.from({ length: 5 }, () => service.batchSend(request)));
    await module.close();
    const messages = calls.map((call) => (call.status === 'rejected' ? String(call.reason) : ''));
    return messages.find((message) => message.includes('queue')) ?? messages.join();
  }
});
