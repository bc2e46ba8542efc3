import { describe, expect, it } from '@jest/globals';
import { Agent } from 'node:http';
import { MODULE_OPTIONS, variables } from '../../lib/config/module-option-table.js';
import { readVariables } from '../../lib/options/read-variables.js';
import { resolveSettings } from '../../lib/config/resolve-settings.js';
import type { RtcMessagingSettings } from '../../lib/config/settings.js';
import type { RtcCredentials } from '../../lib/credentials/credentials.js';
import type { Redacted } from '../../lib/privacy/redacted.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import { CREDENTIALS, leaksIn, SECRET, TOKEN } from '../support/printed.js';

const MINIMUM = {
  RTC_APP_ID: 'app',
  VOLCENGINE_ACCESS_KEY: 'key',
  VOLCENGINE_SECRET_KEY: 'secret',
};

const environmentOf = (variables: Record<string, string>) => ({
  ...readVariables(MODULE_OPTIONS, variables, '', false),
  ...readVariables(MODULE_OPTIONS, variables, '', true),
});
const settle = (options: unknown, variables: Record<string, string> = MINIMUM) =>
  resolveSettings(options, environmentOf(variables));

/** What is in settings that are fixed. */
const keysOf = (credentials: RtcMessagingSettings['credentials']): RtcCredentials =>
  (credentials as Redacted<RtcCredentials>).open();

function problemsOf(options: unknown, variables: Record<string, string> = MINIMUM): string[] {
  try {
    settle(options, variables);
  } catch (error) {
    return (error as RtcConfigError).problems.map(
      ({ option, variable, message }) => `${option}${variable ? ` (${variable})` : ''}: ${message}`,
    );
  }
  return [];
}

describe('settings', () => {
  it('have defaults for everything but the app and the access key', () => {
    const { credentials, ...settings } = settle({});
    expect(settings).toEqual({
      name: 'default',
      appId: 'app',
      from: undefined,
      region: 'cn-north-1',
      endpoint: 'https://rtc.volcengineapi.com',
      isEndpointGiven: false,
      apiVersion: '2023-07-20',
      telemetry: true,
      timeoutMs: 5_000,
      deadlineMs: undefined,
      shutdownTimeoutMs: 10_000,
      retry: { maxAttempts: 3 },
      onUnknown: 'report',
      quota: {
        requestsPerSecond: 500,
        costPer: 'request',
        roomMessagesPerSecond: undefined,
        credit: true,
        reserve: 0,
        maxQueue: 5_000,
        scope: 'accessKey',
      },
      http: { httpAgent: undefined, httpsAgent: undefined, maxSockets: 256, maxContentLength: 1_048_576 },
    });
    expect(keysOf(credentials)).toEqual({
      accessKeyId: 'key',
      secretAccessKey: 'secret',
      sessionToken: undefined,
    });
  });

  it('come from the environment', () => {
    const settings = settle(
      {},
      {
        ...MINIMUM,
        RTC_FROM: 'bot',
        RTC_REGION: 'ap-southeast-1',
        RTC_API_VERSION: '2020-12-01',
        RTC_TIMEOUT_MS: '250',
        RTC_DEADLINE_MS: '900',
        RTC_SHUTDOWN_TIMEOUT_MS: '3000',
        RTC_RETRY_MAX_ATTEMPTS: '5',
        RTC_ON_UNKNOWN: 'resend',
        RTC_QUOTA_COST_PER: 'recipient',
        RTC_QUOTA_ROOM_MPS: '100',
        RTC_QUOTA_CREDIT: 'false',
        RTC_HTTP_MAX_SOCKETS: '7',
        RTC_HTTP_MAX_CONTENT_LENGTH: '4096',
        RTC_ENDPOINT: 'http://rtc.internal:8080',
        RTC_ALLOW_INSECURE_ENDPOINT: 'true',
        VOLCENGINE_SESSION_TOKEN: 'token',
      },
    );
    expect(settings).toMatchObject({
      from: 'bot',
      region: 'ap-southeast-1',
      endpoint: 'http://rtc.internal:8080',
      apiVersion: '2020-12-01',
      quota: { costPer: 'recipient', roomMessagesPerSecond: 100, credit: false },
      timeoutMs: 250,
      deadlineMs: 900,
      shutdownTimeoutMs: 3_000,
      retry: { maxAttempts: 5 },
      onUnknown: 'resend',
      http: { maxSockets: 7, maxContentLength: 4_096 },
    });
    expect(keysOf(settings.credentials)).toMatchObject({ sessionToken: 'token' });
  });

  it('given in code win over the environment', () => {
    const settings = settle(
      { appId: 'code', timeoutMs: 9, credentials: { accessKeyId: 'k', secretAccessKey: 's' } },
      { ...MINIMUM, RTC_TIMEOUT_MS: 'nonsense', VOLCENGINE_SESSION_TOKEN: 'token of another key' },
    );
    expect(settings).toMatchObject({ appId: 'code', timeoutMs: 9 });
    expect(keysOf(settings.credentials)).toMatchObject({ accessKeyId: 'k', sessionToken: undefined });
  });

  it.each([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ])('read %s as a flag', (flag, allowed) => {
    const endpoint = { RTC_ENDPOINT: 'http://rtc.internal', RTC_ALLOW_INSECURE_ENDPOINT: flag };
    expect(problemsOf({}, { ...MINIMUM, ...endpoint })).toHaveLength(allowed ? 0 : 1);
  });

  it('take undefined for "not given" and an empty variable for "not set"', () => {
    expect(settle({ timeoutMs: undefined }, { ...MINIMUM, RTC_TIMEOUT_MS: '' }).timeoutMs).toBe(5_000);
  });

  it('call a required variable empty where it is set to nothing', () => {
    const variables = { RTC_APP_ID: '', VOLCENGINE_ACCESS_KEY: '', VOLCENGINE_SECRET_KEY: 's' };
    expect(problemsOf({}, variables)).toEqual([
      'appId (RTC_APP_ID): is empty',
      'credentials.accessKeyId (VOLCENGINE_ACCESS_KEY): is empty',
    ]);
  });

  it.each([
    ['cn-north-1', 'https://rtc.volcengineapi.com'],
    ['ap-southeast-1', 'https://open-ap-singapore-1.volcengineapi.com'],
    ['ap-singapore-1', 'https://open.byteplusapi.com'],
  ])('know the host of %s', (region, endpoint) => {
    expect(settle({ region })).toMatchObject({ region, endpoint });
  });

  it('let an endpoint win over the region, which still signs', () => {
    expect(settle({ region: 'elsewhere-9', endpoint: 'https://example.com/' })).toMatchObject({
      region: 'elsewhere-9',
      endpoint: 'https://example.com',
    });
  });

  it.each([
    'http://localhost:1',
    'http://127.0.0.1:1',
    'http://127.9.9.9',
    'http://[::1]:1',
    'http://app.localhost',
  ])('allow plain http to this machine: %s', (endpoint) =>
    expect(settle({ endpoint }).endpoint).toBe(endpoint),
  );

  it.each([
    'http://example.com',
    'http://10.0.0.1',
    'http://127.0.0.1.example.com',
    'http://localhost.example.com',
    'http://[::ffff:10.0.0.1]',
  ])('refuse plain http to another: %s', (endpoint) => {
    expect(problemsOf({ endpoint })).toEqual([expect.stringContaining('RTC_ALLOW_INSECURE_ENDPOINT')]);
  });

  it('report everything that is missing at once, with option and variable', () => {
    expect(problemsOf({}, {})).toEqual([
      'appId (RTC_APP_ID): is missing',
      'credentials.accessKeyId (VOLCENGINE_ACCESS_KEY): is missing',
      'credentials.secretAccessKey (VOLCENGINE_SECRET_KEY): is missing',
    ]);
  });

  it.each<[object, Record<string, string>, string]>([
    [{ appId: '' }, {}, 'appId (RTC_APP_ID): must be 1–128 characters without white space'],
    [{ appId: 'a b' }, {}, 'appId (RTC_APP_ID): must be 1–128 characters without white space'],
    [{ appId: 7 }, {}, 'appId (RTC_APP_ID): must be a string, got a number'],
    [{ appId: null }, {}, 'appId (RTC_APP_ID): must be a string, got null'],
    [{ from: 'a b' }, {}, 'from (RTC_FROM): "a b" contains a space; IDs are 1–128 of a-z A-Z 0-9 @ . _ -'],
    [{ region: 'Mars 1' }, {}, 'region (RTC_REGION): must be a name such as cn-north-1'],
    [{ region: 'constructor' }, {}, 'region (RTC_REGION): has no known host'],
    [{ region: 'mars-1' }, {}, 'region (RTC_REGION): has no known host'],
    [{ endpoint: 'rtc.volcengineapi.com' }, {}, 'endpoint (RTC_ENDPOINT): must begin with https://'],
    [{ endpoint: 'ftp://host' }, {}, 'endpoint (RTC_ENDPOINT): must begin with https://'],
    [{ endpoint: 'https://host/path' }, {}, 'endpoint (RTC_ENDPOINT): must be an origin alone'],
    [{ endpoint: 'https://host?x' }, {}, 'endpoint (RTC_ENDPOINT): must be an origin alone'],
    [{ endpoint: 'https://u:p@host' }, {}, 'endpoint (RTC_ENDPOINT): must not hold a user name or password'],
    [{ endpoint: 'https://:p@host' }, {}, 'endpoint (RTC_ENDPOINT): must not hold a user name or password'],
    [{ endpoint: 1 }, {}, 'endpoint (RTC_ENDPOINT): must be a string'],
    [{ apiVersion: 'latest' }, {}, 'apiVersion (RTC_API_VERSION): must be a date'],
    [
      { timeoutMs: 0 },
      {},
      'timeoutMs (RTC_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got 0',
    ],
    [
      { timeoutMs: 1.5 },
      {},
      'timeoutMs (RTC_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got 1.5',
    ],
    [
      { timeoutMs: 600_001 },
      {},
      'timeoutMs (RTC_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got 600001',
    ],
    [
      { deadlineMs: 0 },
      {},
      'deadlineMs (RTC_DEADLINE_MS): must be a whole number of milliseconds from 1 to 600000, got 0',
    ],
    [
      {},
      { RTC_SHUTDOWN_TIMEOUT_MS: '0' },
      'shutdownTimeoutMs (RTC_SHUTDOWN_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got 0',
    ],
    [
      { retry: { maxAttempts: 0 } },
      {},
      'retry.maxAttempts (RTC_RETRY_MAX_ATTEMPTS): must be a whole number from 1 to 10, got 0',
    ],
    [{ retry: { attempts: 3 } }, {}, 'retry.attempts: is not an option; there are maxAttempts'],
    [{ maxAttempts: 3 }, {}, 'maxAttempts: is not an option; did you mean retry.maxAttempts?'],
    [{ accessKeyId: 'a' }, {}, 'accessKeyId: is not an option; did you mean credentials.accessKeyId?'],
    [{}, { RTC_ON_UNKNOWN: 'Resend' }, 'onUnknown (RTC_ON_UNKNOWN): must be report or resend'],
    [{ timeoutMs: Number.NaN }, {}, 'timeoutMs (RTC_TIMEOUT_MS): must be a whole number'],
    [
      { timeoutMs: '5000' },
      {},
      'timeoutMs (RTC_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got a string',
    ],
    [
      {},
      { RTC_TIMEOUT_MS: '5s' },
      'timeoutMs (RTC_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got text that is no number',
    ],
    ...['-5', '1.5', '999999999'].map((text): [object, Record<string, string>, string] => [
      {},
      { RTC_TIMEOUT_MS: text },
      `timeoutMs (RTC_TIMEOUT_MS): must be a whole number of milliseconds from 1 to 600000, got ${text}`,
    ]),
    ...['localhost:8787', '127.0.0.1:8787', '[::1]:8787'].map(
      (text): [object, Record<string, string>, string] => [
        {},
        { RTC_ENDPOINT: text },
        'endpoint (RTC_ENDPOINT): must begin with http:// or https://',
      ],
    ),
    [{}, { RTC_ENDPOINT: 'rtc.volcengineapi.com' }, 'endpoint (RTC_ENDPOINT): must begin with https://'],
    [
      {},
      { RTC_ALLOW_INSECURE_ENDPOINT: 'yes' },
      'allowInsecureEndpoint (RTC_ALLOW_INSECURE_ENDPOINT): must be true or false, or 1 or 0',
    ],
    [
      { allowInsecureEndpoint: 'true' },
      {},
      'allowInsecureEndpoint (RTC_ALLOW_INSECURE_ENDPOINT): must be true or false',
    ],
    [{ credentials: 'key' }, {}, 'credentials: must be { accessKeyId, secretAccessKey }, a function'],
    [
      { credentials: { accessKeyId: 'k' } },
      {},
      'credentials.secretAccessKey (VOLCENGINE_SECRET_KEY): is missing',
    ],
    [
      {},
      { VOLCENGINE_SECRET_KEY: 's\n' },
      'credentials.secretAccessKey (VOLCENGINE_SECRET_KEY): contains white space',
    ],
    [
      {},
      { VOLCENGINE_SESSION_TOKEN: 'a b' },
      'credentials.sessionToken (VOLCENGINE_SESSION_TOKEN): contains white space',
    ],
    [{ http: { maxSockets: 0 } }, {}, 'http.maxSockets (RTC_HTTP_MAX_SOCKETS): must be a whole number'],
    [{ http: { maxContentLength: 1 } }, {}, 'http.maxContentLength (RTC_HTTP_MAX_CONTENT_LENGTH): must be'],
    [{ http: { httpAgent: {} } }, {}, 'http.httpAgent: must be an Agent of node:http or node:https'],
    [{ http: { proxy: false } }, {}, 'http.proxy: is not an option; there are httpAgent'],
    [{ http: 7 }, {}, 'http: must be an object, got a number'],
    [{ appID: 'x' }, {}, 'appID: is not an option; did you mean appId?'],
  ])('refuse %j with %j', (options, variables, words) => {
    const problems = problemsOf(options, { ...MINIMUM, ...variables });
    expect(problems).toEqual([expect.stringContaining(words)]);
  });

  it('take an agent of the app', () => {
    const httpAgent = new Agent();
    expect(settle({ http: { httpAgent } }).http.httpAgent?.open()).toBe(httpAgent);
  });

  it('ask for a sender when callers over HTTP can not name one', () => {
    const environment = environmentOf(MINIMUM);
    expect(() =>
      resolveSettings({}, environment, { name: undefined, problems: [], needsFrom: true, routes: [] }),
    ).toThrow('from (RTC_FROM): is missing');
    expect(
      resolveSettings({ from: 'bot' }, environment, {
        name: undefined,
        problems: [],
        needsFrom: true,
        routes: [],
      }).from,
    ).toBe('bot');
  });

  describe('of a module with a name', () => {
    const named = { name: 'eu', problems: [], needsFrom: false, routes: [] };
    const problemsOfNamed = (options: object, variables: Record<string, string> = MINIMUM): string[] => {
      try {
        resolveSettings(options, environmentOf(variables), named);
      } catch (error) {
        const { message, problems } = error as RtcConfigError;
        expect(message).toContain('RtcMessagingModule "eu" is not configured correctly');
        return problems.map(({ option, message: words }) => `${option}: ${words}`);
      }
      return [];
    };
    const EVERYWHERE = {
      ...MINIMUM,
      RTC_FROM: 'server',
      RTC_REGION: 'ap-southeast-1',
      RTC_ENDPOINT: 'https://example.com',
    };

    it.each(['appId', 'from', 'region', 'endpoint', 'credentials'])(
      'do not take %s from the environment where it is given as undefined',
      (option) => {
        const problems = problemsOfNamed({ [option]: undefined }, EVERYWHERE);
        expect(problems).toEqual([expect.stringContaining(`${option}: is undefined. A module with a name`)]);
        // Once, where the environment has nothing either.
        expect(problemsOfNamed({ appId: undefined, credentials: undefined }, {})).toHaveLength(2);
        expect(problemsOf({ [option]: undefined }, EVERYWHERE)).toEqual([]);
      },
    );

    it.each([
      [
        { accessKeyId: undefined, secretAccessKey: 'secret' },
        'credentials.accessKeyId: is missing in the options',
      ],
      [
        { accessKeyId: 'key', secretAccessKey: undefined },
        'credentials.secretAccessKey: is missing in the options',
      ],
      [{ accessKeyId: 'key' }, 'credentials.secretAccessKey: is missing in the options'],
      [{ accessKeyId: '', secretAccessKey: 'secret' }, 'credentials.accessKeyId: is empty in the options'],
    ])('do not fill %j from the environment', (credentials, words) => {
      expect(problemsOfNamed({ credentials })).toEqual([expect.stringContaining(words)]);
    });

    it('take from the environment what is left out, and options for sending also where they are undefined', () => {
      expect(problemsOfNamed({}, EVERYWHERE)).toEqual([]);
      const environment = environmentOf({
        ...EVERYWHERE,
        RTC_TIMEOUT_MS: '1000',
        RTC_RETRY_MAX_ATTEMPTS: '7',
      });
      const options = { timeoutMs: undefined, retry: { maxAttempts: undefined } };
      expect(resolveSettings(options, environment, named)).toMatchObject({
        appId: 'app',
        timeoutMs: 1_000,
        retry: { maxAttempts: 7 },
      });
    });
  });

  it('take an empty session token for none', () => {
    const credentials = { accessKeyId: 'k', secretAccessKey: 's', sessionToken: '' };
    expect(keysOf(settle({ credentials }).credentials)).toMatchObject({ sessionToken: undefined });
  });

  it('show no secret and no connection, by whatever property they are looked into', async () => {
    const credentials = { ...CREDENTIALS, resolveCredentials: async () => CREDENTIALS };
    const http = { httpAgent: new Agent(), httpsAgent: new Agent() };
    Object.assign(http.httpAgent, { SECRET });
    for (const given of [
      { credentials: CREDENTIALS },
      { credentials },
      { http, credentials: async () => CREDENTIALS },
    ]) {
      expect(await leaksIn(settle(given))).toEqual([]);
    }
    const variables = { ...MINIMUM, VOLCENGINE_SECRET_KEY: SECRET, VOLCENGINE_SESSION_TOKEN: TOKEN };
    expect(
      await leaksIn([settle({}, variables), readVariables(MODULE_OPTIONS, variables, '', false)]),
    ).toEqual([]);
  });

  it('write one line a problem', () => {
    expect(() => settle({}, {})).toThrow(
      'RtcMessagingModule is not configured correctly:\n' +
        '  - appId (RTC_APP_ID): is missing\n' +
        '  - credentials.accessKeyId (VOLCENGINE_ACCESS_KEY): is missing\n' +
        '  - credentials.secretAccessKey (VOLCENGINE_SECRET_KEY): is missing',
    );
  });

  it('are read from variables with different names', () => {
    const names = Object.values(variables());
    expect(new Set(names).size).toBe(names.length);
  });
});
