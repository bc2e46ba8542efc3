import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent as HttpsAgent } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { RtcMessagingOptions } from 'nestjs-rtc-messaging';
import { RtcEmulator, type RtcEmulatorOptions } from 'nestjs-rtc-messaging/emulator';
import { checkSetup, type Finding } from '../../lib/command/check-setup.js';
import { regionProblem, STEPS } from '../../lib/command/check-steps.js';
import { probeQuota } from '../../lib/command/probe-quota.js';
import { certificate } from '../support/certificate.js';
import { startScriptedServer } from '../support/scripted-server.js';

const HOUR_MS = 3_600_000;
const OTHER = {
  credentials: { accessKeyId: 'other-key', secretAccessKey: 'other-secret' },
  appIds: ['other-app'],
};

/** Finds no host, and asks no one. */
const lookupThat =
  (code: string): LookupFunction =>
  (_hostname, _options, callback) =>
    callback(Object.assign(new Error(`getaddrinfo ${code}`), { code }), '');
/** Connects to nothing. */
const agentThat = (code: string): HttpsAgent =>
  Object.assign(new HttpsAgent(), {
    createConnection: (_options: unknown, callback: (error: Error) => void) =>
      void callback(Object.assign(new Error(`connect ${code}`), { code })),
  });

interface Case {
  /** What is wrong. */
  readonly wrong: string;
  readonly emulator?: RtcEmulatorOptions;
  /** Applied to the options that lead to the emulator. */
  readonly options?: (right: RtcMessagingOptions) => RtcMessagingOptions;
  readonly prepare?: (emulator: RtcEmulator) => void | Promise<void>;
  readonly send?: boolean;
  readonly finding: Omit<Finding, 'message'> & { readonly message: RegExp };
  /** Whether the check fails. Default true. */
  readonly ok?: boolean;
}

const failed = (step: Finding['step'], message: RegExp) => ({ step, status: 'failed', message }) as const;
const fault =
  (
    code: 'LackPolicy' | 'AccessDenied' | 'AccessDenied.ServiceNotEnabled' | 'InvalidParameter.NotExistAppId',
  ) =>
  (emulator: RtcEmulator): void =>
    void emulator.faults.add({ kind: 'error', code });
const https = (right: RtcMessagingOptions): RtcMessagingOptions => ({
  ...right,
  endpoint: right.endpoint?.replace('http:', 'https:'),
});

let website: Awaited<ReturnType<typeof startScriptedServer>>;
let tls: { key: string; cert: string };
let foreign: { key: string; cert: string };
let elsewhere: { key: string; cert: string };
let expired: { key: string; cert: string };
afterAll(() => website.close());
beforeAll(async () => {
  website = await startScriptedServer((response) => response.writeHead(404).end('<h1>No page</h1>'));
  [tls, foreign, elsewhere, expired] = await Promise.all([
    certificate(),
    certificate(),
    certificate('other.example'),
    certificate(undefined, new Date(Date.now() - 1_000)),
  ]);
});

const CASES: readonly Case[] = [
  {
    wrong: 'nothing listens',
    prepare: (emulator) => emulator.close(),
    finding: failed(
      'connection',
      /^Nothing listens at 127\.0\.0\.1:\d+: check endpoint \(RTC_ENDPOINT\); .*emulator, start that\. \(GetRoomOnlineUsers failed with ECONNREFUSED.*nothing was sent\)$/,
    ),
  },
  {
    wrong: 'the host is not found',
    options: (right) => ({
      ...right,
      endpoint: 'https://nowhere.invalid',
      http: { httpsAgent: new HttpsAgent({ lookup: lookupThat('ENOTFOUND') }) },
    }),
    finding: failed(
      'DNS',
      /^The host nowhere\.invalid is not found: check endpoint \(RTC_ENDPOINT\).*ENOTFOUND/,
    ),
  },
  {
    wrong: 'there is no network to ask for the host',
    options: (right) => ({
      ...right,
      endpoint: 'https://nowhere.invalid',
      http: { httpsAgent: new HttpsAgent({ lookup: lookupThat('EAI_AGAIN') }) },
      retry: { maxAttempts: 1 },
    }),
    finding: failed('DNS', /^The host nowhere\.invalid is not found: .*this machine's DNS.*EAI_AGAIN/),
  },
  {
    wrong: 'there is no way to the host',
    options: (right) => ({
      ...right,
      endpoint: 'https://nowhere.invalid',
      http: { httpsAgent: agentThat('ENETUNREACH') },
      retry: { maxAttempts: 1 },
    }),
    finding: failed('connection', /^nowhere\.invalid can't be reached from here: a firewall.*ENETUNREACH/),
  },
  {
    wrong: 'the host is that of something else',
    options: (right) => ({ ...right, endpoint: website.url, retry: { maxAttempts: 1 } }),
    finding: failed('answer', /^Something between this server and the service.*HTTP 404 that can't be read/),
  },
  {
    wrong: 'https is spoken to an emulator of http',
    options: https,
    finding: failed('TLS', /does not speak TLS: .* begins with http:\/\//),
  },
  {
    wrong: 'http is spoken to an emulator of https',
    emulator: {
      get tls() {
        return tls;
      },
    },
    options: (right) => ({ ...right, endpoint: right.endpoint?.replace('https:', 'http:') }),
    finding: failed(
      'answer',
      /If it never answers, and expects TLS, endpoint \(RTC_ENDPOINT\) begins with https:\/\//,
    ),
  },
  {
    wrong: 'the certificate is not trusted',
    emulator: {
      get tls() {
        return tls;
      },
    },
    options: (right) => ({ ...right, http: { httpsAgent: new HttpsAgent({ ca: foreign.cert }) } }),
    finding: failed('TLS', /The certificate of 127\.0\.0\.1:\d+ is not trusted here: .*NODE_EXTRA_CA_CERTS/),
  },
  {
    wrong: 'the certificate is trusted, but for another host',
    emulator: {
      get tls() {
        return elsewhere;
      },
    },
    options: (right) => ({ ...right, http: { httpsAgent: new HttpsAgent({ ca: elsewhere.cert }) } }),
    finding: failed(
      'TLS',
      /^The certificate of 127\.0\.0\.1:\d+ is for another host: check endpoint.*ALTNAME_INVALID/,
    ),
  },
  {
    wrong: 'the certificate has expired',
    emulator: {
      get tls() {
        return expired;
      },
    },
    options: (right) => ({ ...right, http: { httpsAgent: new HttpsAgent({ ca: expired.cert }) } }),
    finding: failed('TLS', /has expired, if this machine's clock is right.*CERT_HAS_EXPIRED/),
  },
  {
    wrong: 'a page of a proxy is answered',
    prepare: (emulator) => void emulator.faults.add({ kind: 'html', times: 9 }),
    finding: failed('answer', /^Something between this server and the service.*can't be read/),
  },
  {
    wrong: 'the connection breaks after the request was sent',
    options: (right) => ({ ...right, retry: { maxAttempts: 1 } }),
    prepare: (emulator) => void emulator.faults.add({ kind: 'reset', times: 9 }),
    finding: failed('answer', /ECONNRESET in phase "sent"/),
  },
  {
    wrong: 'the answer does not come in time',
    options: (right) => ({ ...right, timeoutMs: 100, retry: { maxAttempts: 1 } }),
    prepare: (emulator) => void emulator.faults.add({ kind: 'late', delayMs: 2_000, times: 9 }),
    finding: failed('answer', /exceeded timeoutMs of 100 ms/),
  },
  {
    wrong: 'the clock is off by an hour',
    prepare: (emulator) => {
      emulator.clock.offsetMs = HOUR_MS;
    },
    finding: {
      step: 'clock',
      status: 'warning',
      message: /clock is 3(599|600|601) s behind .*set the clock/,
    },
    ok: true,
  },
  {
    wrong: 'the secret is wrong',
    options: (right) => ({
      ...right,
      credentials: { accessKeyId: 'emulator-access-key', secretAccessKey: 'wrong-secret' },
    }),
    finding: failed(
      'signature',
      /^Check credentials\.secretAccessKey \(VOLCENGINE_SECRET_KEY\).*SignatureDoesNotMatch/,
    ),
  },
  {
    wrong: 'the access key is unknown',
    options: (right) => ({
      ...right,
      credentials: { accessKeyId: 'unknown-key', secretAccessKey: 'emulator-secret-key' },
    }),
    finding: failed(
      'access key',
      /^Check credentials\.accessKeyId \(VOLCENGINE_ACCESS_KEY\).*InvalidAccessKey/,
    ),
  },
  {
    wrong: "the app is another account's",
    emulator: { accounts: [OTHER] },
    options: (right) => ({ ...right, appId: 'other-app' }),
    finding: failed('app', /^Check that appId \(RTC_APP_ID\) belongs to the account.*NoPermissionForApp/),
  },
  {
    wrong: 'the app is not in this region',
    prepare: fault('InvalidParameter.NotExistAppId'),
    finding: failed('app', /^Check appId \(RTC_APP_ID\) and region \(RTC_REGION\).*NotExistAppId/),
  },
  {
    wrong: 'the account is throttled',
    options: (right) => ({ ...right, retry: { maxAttempts: 1 } }),
    prepare: (emulator) => void emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', times: 9 }),
    finding: failed('throttling', /^The account sends more .*send more slowly.*FlowLimitExceeded/),
  },
  {
    wrong: 'the key may not ask who is in a room',
    prepare: fault('LackPolicy'),
    finding: { step: 'permission', status: 'unknown', message: /^this key can't tell.*LackPolicy/ },
    ok: true,
  },
  {
    wrong: 'messaging is off',
    send: true,
    prepare: (emulator) =>
      void emulator.faults.add({
        kind: 'error',
        code: 'AccessDenied.ServiceNotEnabled',
        match: { action: 'BatchSendRoomUnicast' },
      }),
    finding: failed('messaging', /^Switch real-time messaging on.*ServiceNotEnabled/),
  },
  ...[true, false].map((send) => ({
    wrong: `messaging is off for all actions, ${send ? 'with' : 'without'} a message sent`,
    send,
    prepare: (emulator: RtcEmulator) =>
      void emulator.faults.add({ kind: 'error', code: 'AccessDenied.ServiceNotEnabled', times: 9 }),
    finding: failed('messaging', /^Switch real-time messaging on.*ServiceNotEnabled/),
  })),
  {
    wrong: 'there is no sender to send from',
    send: true,
    options: (right) => ({ ...right, from: undefined }),
    finding: {
      step: 'messaging',
      status: 'unknown',
      message: /^not checked without a sender: give --from, or set RTC_FROM$/,
    },
    ok: true,
  },
  {
    wrong: 'options are wrong',
    options: (right) => ({ ...right, appId: 'a b', timeoutMs: -1 }),
    finding: failed('settings', /^appId \(RTC_APP_ID\): must be 1–128 characters/),
  },
];

describe('the check of a setup', () => {
  let emulator: RtcEmulator;
  afterEach(() => emulator.close());
  const check = async ({ emulator: how, options, prepare, send }: Omit<Case, 'wrong' | 'finding'>) => {
    emulator = await RtcEmulator.start(how);
    await prepare?.(emulator);
    const right = emulator.moduleOptions();
    return checkSetup(options?.(right) ?? right, send);
  };

  it.each(CASES)('says what to do when $wrong', async ({ finding, ok = false, ...how }) => {
    const findings = await check(how);
    const found = findings.filter(({ step }) => step === finding.step);
    expect(found).toContainEqual({ ...finding, message: expect.stringMatching(finding.message) });
    expect(findings.every(({ status }) => status !== 'failed')).toBe(ok);
    // What is before it is right, and no one is told to mend what comes after it.
    const place = STEPS.findIndex((step) => step === finding.step && step !== 'messaging');
    for (const { step, status } of findings) {
      const index = STEPS.findIndex((other) => other === step && step !== 'messaging');
      if (place === -1 || index === -1 || index === place) continue;
      if (index < place) expect([step, status]).toEqual([step, step === 'TLS' ? expect.anything() : 'ok']);
      else expect(status).not.toBe('failed');
    }
    expect(JSON.stringify(findings)).not.toMatch(/emulator-secret-key|wrong-secret/);
  });

  it('finds all of it right with an emulator, and sends nothing', async () => {
    const findings = await check({});
    expect(
      findings.filter(({ status }) => status !== 'ok').map(({ step, status }) => [step, status]),
    ).toEqual([
      ['TLS', 'skipped'],
      ['messaging', 'skipped'],
    ]);
    expect(findings[0]?.message).toBe(
      `complete; messages go to ${new URL(emulator.url).host}, by endpoint (RTC_ENDPOINT); from server`,
    );
    expect(emulator.accepted.total).toBe(0);
    expect(emulator.requests).toHaveLength(1);
  });

  it('names the host that it asks when no endpoint leads to the emulator', async () => {
    const findings = await check({
      options: (right) => ({
        ...right,
        endpoint: undefined,
        http: { httpsAgent: new HttpsAgent({ lookup: lookupThat('ENOTFOUND') }) },
      }),
    });
    expect(findings[0]?.message).toContain('messages go to rtc.volcengineapi.com, by the region cn-north-1;');
  });

  it('finds TLS right where the certificate is trusted', async () => {
    const findings = await check({
      emulator: { tls },
      options: (right) => ({ ...right, http: { httpsAgent: new HttpsAgent({ ca: tls.cert }) } }),
    });
    expect(findings).toContainEqual({ step: 'TLS', status: 'ok', message: 'the certificate is trusted' });
  });

  it('sends one message, to one who is not there, if it is to', async () => {
    const findings = await check({ send: true });
    expect(findings.at(-1)).toMatchObject({ step: 'messaging', status: 'ok' });
    expect(emulator.accepted.total).toBe(1);
  });

  it('knows of the app by a message when the key may not ask', async () => {
    const findings = await check({ send: true, prepare: fault('AccessDenied') });
    const statusOf = (step: string) => findings.find((finding) => finding.step === step)?.status;
    expect(['permission', 'app', 'region', 'messaging'].map(statusOf)).toEqual(['unknown', 'ok', 'ok', 'ok']);
  });

  it('does not blame the access key when messaging is off', async () => {
    const findings = await check({ prepare: fault('AccessDenied.ServiceNotEnabled') });
    expect(findings.slice(-4)).toMatchObject([
      { step: 'permission', status: 'skipped' },
      { step: 'app', status: 'skipped' },
      { step: 'region', status: 'skipped' },
      { step: 'messaging', status: 'failed' },
    ]);
  });

  it('finds a region that is not that of the host, whatever else is wrong', async () => {
    const findings = await check({
      options: (right) => ({
        ...right,
        endpoint: 'https://rtc.volcengineapi.com',
        region: 'ap-southeast-1',
        http: { httpsAgent: new HttpsAgent({ lookup: lookupThat('ENOTFOUND') }) },
      }),
    });
    const failedSteps = findings.filter(({ status }) => status === 'failed');
    expect(failedSteps).toMatchObject([
      { step: 'DNS' },
      { step: 'region', message: expect.stringContaining('set region (RTC_REGION) to cn-north-1') },
    ]);
  });

  it('lists all that is wrong with the settings at once', async () => {
    const findings = await check({
      options: (right) => ({ ...right, appId: 'a b', timeoutMs: -1, region: 'X' }),
    });
    expect(findings.filter(({ status }) => status === 'failed')).toHaveLength(3);
  });
});

describe('the check of the quota', () => {
  let emulator: RtcEmulator;
  afterEach(() => emulator.close());
  const probe = async (how: RtcEmulatorOptions, options: RtcMessagingOptions = {}, act?: () => void) => {
    emulator = await RtcEmulator.start(how);
    act?.();
    return probeQuota({ ...emulator.moduleOptions(), ...options });
  };

  it('says that the account counts recipients, or others use it, when a batch is refused', async () => {
    const finding = await probe({ quota: { costPer: 'recipient' } });
    expect(finding).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/counts recipients, or others/),
    });
    expect(emulator.requests).toHaveLength(3);
  });

  it('says that the account probably counts requests when all batches are accepted', async () => {
    // As if recipients were counted already: the batches are not held back.
    const finding = await probe({}, { quota: { costPer: 'recipient' } });
    expect(finding).toMatchObject({
      status: 'ok',
      message: expect.stringMatching(/^1500 .* probably counts requests/),
    });
    expect(emulator.requests).toHaveLength(3);
    const rooms = emulator.requests.map(
      ({ body }) => (JSON.parse(body.toString()) as { RoomId: string }).RoomId,
    );
    expect(new Set(rooms).size).toBe(3);
  });

  it('sends nothing where three batches can not use up the quota', async () => {
    const finding = await probe({}, { quota: { requestsPerSecond: 1_800 } });
    expect(finding).toMatchObject({
      status: 'unknown',
      message: expect.stringMatching(/^inconclusive: 1800 /),
    });
    expect(emulator.requests).toHaveLength(0);
  });

  it('is inconclusive when the batches take longer than a second, or fail for another reason', async () => {
    const slow = await probe(
      {},
      {},
      () => void emulator.faults.add({ kind: 'late', delayMs: 1_100, times: 3 }),
    );
    expect(slow).toMatchObject({ status: 'unknown', message: expect.stringMatching(/no single second/) });
    await emulator.close();
    const refused = await probe({}, { appId: 'foreign-app' });
    expect(refused).toMatchObject({ status: 'unknown', message: expect.stringMatching(/NotExistAppId/) });
  });
});

describe('the region', () => {
  it.each([
    ['https://open.byteplusapi.com', 'cn-north-1', /set region \(RTC_REGION\) to ap-singapore-1/],
    ['https://rtc.volcengineapi.com', 'ap-southeast-1', /set region \(RTC_REGION\) to cn-north-1/],
  ])('is wrong for %s when it is %s', (endpoint, region, message) => {
    expect(regionProblem(endpoint, region)).toMatch(message);
  });

  it.each([
    ['https://rtc.volcengineapi.com', 'cn-north-1'],
    ['https://open-ap-singapore-1.volcengineapi.com', 'ap-singapore-1'],
    ['http://127.0.0.1:8787', 'anything'],
  ])('is right for %s when it is %s', (endpoint, region) => {
    expect(regionProblem(endpoint, region)).toBeUndefined();
  });
});
