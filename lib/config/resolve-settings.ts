import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { QuotaStore } from '../quota/quota-store.js';
import { Redacted } from '../privacy/redacted.js';
import { readEndpoint } from './endpoint.js';
import type { Environment } from './environment.js';
import {
  agent,
  type Checked,
  flag,
  oneOf,
  type OptionRule,
  quotaStore,
  text,
  userId,
  wholeNumber,
} from './option-rules.js';
import { readCredentials } from './read-credentials.js';
import { DEFAULT_MODULE_NAME, type Registration } from './registration.js';
import { REGION_HOSTS } from './regions.js';
import { DEFAULTS, MAX_DURATION_MS, type RtcMessagingSettings } from './settings.js';
import { SettingsReader } from './settings-reader.js';

const OPTIONS = [
  'appId',
  'appKey',
  'from',
  'region',
  'endpoint',
  'apiVersion',
  'timeoutMs',
  'deadlineMs',
  'shutdownTimeoutMs',
  'retry',
  'onUnknown',
  'quota',
  'telemetry',
  'allowInsecureEndpoint',
  'credentials',
  'http',
];
/** What says whose messages they are, from whom, and where they go. */
const ACCOUNT_OPTIONS = ['appId', 'appKey', 'from', 'region', 'endpoint', 'credentials'];
const RETRY_OPTIONS = ['maxAttempts'];
const QUOTA_OPTIONS = [
  'requestsPerSecond',
  'costPer',
  'roomMessagesPerSecond',
  'credit',
  'reserve',
  'maxQueue',
  'scope',
  'store',
];
const HTTP_OPTIONS = ['httpAgent', 'httpsAgent', 'maxSockets', 'maxContentLength'];

/** More would only hammer a service that is down. */
const MAX_ATTEMPTS = 10;
/** Far above any quota there is; for an emulator without one. */
const MAX_QUOTA = 1_000_000;
/** A response is a few hundred bytes; this bounds what a foreign server can fill after a mistaken setting. */
const MAX_CONTENT_LENGTH = 64 * 1_048_576;

/**
 * Merges options over the environment over the defaults.
 * @param given what the app passed, of any type
 * @param registration what it asks of the settings, and what is wrong with itself
 * @throws RtcConfigError listing everything that is wrong
 */
export function resolveSettings(
  given: unknown,
  environment: Environment,
  registration: Registration = { name: undefined, problems: [], needsFrom: false, routes: [] },
): RtcMessagingSettings {
  const reader = new SettingsReader(environment);
  const options = reader.record('', given, OPTIONS);
  if (registration.name !== undefined) reader.refuseUndefined(options, ACCOUNT_OPTIONS);
  const retry = reader.record('retry', options['retry'], RETRY_OPTIONS);
  const http = reader.record('http', options['http'], HTTP_OPTIONS);
  const duration = wholeNumber(1, MAX_DURATION_MS);

  const appKey = reader.optional(
    'appKey',
    options['appKey'],
    text(/^[\x21-\x7e]{1,128}$/, 'must be 1–128 printable ASCII characters without spaces'),
  );
  const settings = {
    appId: reader.required(
      'appId',
      options['appId'],
      text(/^\S{1,128}$/, 'must be 1–128 characters without white space'),
    ),
    appKey: appKey === undefined ? undefined : new Redacted(appKey, 'appKey'),
    from: registration.needsFrom
      ? reader.required('from', options['from'], userId)
      : reader.optional('from', options['from'], userId),
    apiVersion:
      reader.optional(
        'apiVersion',
        options['apiVersion'],
        text(/^\d{4}-\d\d-\d\d$/, 'must be a date such as 2023-07-20'),
      ) ?? DEFAULTS.apiVersion,
    timeoutMs: reader.optional('timeoutMs', options['timeoutMs'], duration) ?? DEFAULTS.timeoutMs,
    deadlineMs: reader.optional('deadlineMs', options['deadlineMs'], duration),
    shutdownTimeoutMs:
      reader.optional('shutdownTimeoutMs', options['shutdownTimeoutMs'], duration) ??
      DEFAULTS.shutdownTimeoutMs,
    retry: {
      maxAttempts:
        reader.optional('retry.maxAttempts', retry['maxAttempts'], wholeNumber(1, MAX_ATTEMPTS)) ??
        DEFAULTS.maxAttempts,
    },
    onUnknown:
      reader.optional('onUnknown', options['onUnknown'], oneOf('report', 'resend')) ?? DEFAULTS.onUnknown,
    quota: readQuota(reader, options['quota']),
    telemetry: reader.optional('telemetry', options['telemetry'], flag) ?? DEFAULTS.telemetry,
    ...readTarget(reader, options),
    credentials: readCredentials(reader, options['credentials']),
    http: {
      httpAgent: readRedacted(reader, 'http.httpAgent', http['httpAgent'], agent<HttpAgent>),
      httpsAgent: readRedacted(reader, 'http.httpsAgent', http['httpsAgent'], agent<HttpsAgent>),
      maxSockets:
        reader.optional('http.maxSockets', http['maxSockets'], wholeNumber(1, 65_535)) ?? DEFAULTS.maxSockets,
      maxContentLength:
        reader.optional(
          'http.maxContentLength',
          http['maxContentLength'],
          wholeNumber(1_024, MAX_CONTENT_LENGTH),
        ) ?? DEFAULTS.maxContentLength,
    },
  };
  const { appId, credentials, quota } = settings;
  const store = quota.store?.open();
  if (store !== undefined && store.account === undefined && !hasLastingKey(credentials)) {
    reader.problems.push({
      option: 'quota.store',
      message:
        "needs an account (RedisQuota's option: any name of the account that its processes agree on), since " +
        'the access keys of a provider differ from process to process',
    });
  }
  const problems = [...reader.problems, ...registration.problems];
  // What is missing has been noted as a problem; asking again spares a cast.
  if (problems.length > 0 || appId === undefined || credentials === undefined) {
    throw new RtcConfigError(problems, undefined, registration.name);
  }
  return { ...settings, name: registration.name ?? DEFAULT_MODULE_NAME, appId, credentials };
}

/** Whether the access key is the same in all processes: not what a provider gives, nor what is temporary. */
function hasLastingKey(credentials: RtcMessagingSettings['credentials'] | undefined): boolean {
  // One that is missing is a problem of its own.
  if (credentials === undefined) return true;
  return typeof credentials !== 'function' && credentials.open().sessionToken === undefined;
}

function readTarget(
  reader: SettingsReader,
  options: Record<string, unknown>,
): Pick<RtcMessagingSettings, 'region' | 'endpoint' | 'isEndpointGiven'> {
  const allowInsecure =
    reader.optional('allowInsecureEndpoint', options['allowInsecureEndpoint'], flag) ?? false;
  const region =
    reader.optional(
      'region',
      options['region'],
      text(/^[a-z0-9-]{1,64}$/, 'must be a name such as cn-north-1'),
    ) ?? DEFAULTS.region;
  const before = reader.problems.length;
  const endpoint = reader.optional('endpoint', options['endpoint'], (value) =>
    checkEndpoint(value, allowInsecure),
  );
  const host = REGION_HOSTS.get(region);
  if (endpoint === undefined && host === undefined && reader.problems.length === before) {
    const known = [...REGION_HOSTS.keys()].join(', ');
    reader.reject('region', `has no known host (known: ${known}); set endpoint (RTC_ENDPOINT) as well`);
  }
  return { region, endpoint: endpoint ?? `https://${host}`, isEndpointGiven: endpoint !== undefined };
}

function readQuota(reader: SettingsReader, given: unknown): RtcMessagingSettings['quota'] {
  const quota = reader.record('quota', given, QUOTA_OPTIONS);
  const requestsPerSecond =
    reader.optional('quota.requestsPerSecond', quota['requestsPerSecond'], wholeNumber(1, MAX_QUOTA)) ??
    DEFAULTS.quotaRequestsPerSecond;
  const reserve =
    reader.optional('quota.reserve', quota['reserve'], wholeNumber(0, MAX_QUOTA)) ?? DEFAULTS.quotaReserve;
  if (reserve >= requestsPerSecond) {
    reader.reject('quota.reserve', `must leave something of the ${requestsPerSecond} requests a second`);
  }
  return {
    requestsPerSecond,
    costPer:
      reader.optional('quota.costPer', quota['costPer'], oneOf('request', 'recipient')) ??
      DEFAULTS.quotaCostPer,
    roomMessagesPerSecond: reader.optional(
      'quota.roomMessagesPerSecond',
      quota['roomMessagesPerSecond'],
      wholeNumber(1, MAX_QUOTA),
    ),
    credit: reader.optional('quota.credit', quota['credit'], flag) ?? DEFAULTS.quotaCredit,
    reserve,
    maxQueue:
      reader.optional('quota.maxQueue', quota['maxQueue'], wholeNumber(0, MAX_QUOTA)) ??
      DEFAULTS.quotaMaxQueue,
    scope: reader.optional('quota.scope', quota['scope'], oneOf('accessKey', 'app')) ?? DEFAULTS.quotaScope,
    store: readRedacted<QuotaStore>(reader, 'quota.store', quota['store'], quotaStore),
  };
}

function checkEndpoint(value: unknown, allowInsecure: boolean): Checked<string> {
  if (typeof value !== 'string') return { problem: 'must be a string' };
  const read = readEndpoint(value, allowInsecure);
  return 'origin' in read ? { value: read.origin } : read;
}

/** What is an object can't come from the environment, so it has no variable to name. */
function readRedacted<T>(
  reader: SettingsReader,
  option: string,
  given: unknown,
  rule: OptionRule<T>,
): Redacted<T> | undefined {
  if (given === undefined) return undefined;
  const checked = rule(given, false);
  if ('value' in checked) return new Redacted(checked.value, option);
  reader.problems.push({ option, message: checked.problem });
  return undefined;
}
