import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import { id } from '../dto/field-rules.js';
import type { OptionTable } from '../options/option-table.js';
import { withVariable } from '../options/read-variables.js';
import {
  appId,
  appKey,
  duration,
  flag,
  hasMethods,
  must,
  oneOf,
  type Rule,
  text,
  wholeNumber,
} from '../options/rules.js';
import { isQuotaStore, type QuotaStore } from '../quota/quota-store.js';
import { credentials } from './credentials-rule.js';
import { origin } from './endpoint.js';
import type { RtcMessagingOptions } from './rtc-messaging-options.js';

/** Far above any real quota. An emulator may have none. */
const MAX_QUOTA = 1_000_000;
/** More attempts would only add load to a service that is down. */
const MAX_ATTEMPTS = 10;
/** A response has a few hundred bytes. This bounds the memory that a foreign server can fill after a wrong setting. */
const MAX_CONTENT_LENGTH = 64 * 1_048_576;

/** Agents are recognised by their method, since an app may have its own class. */
const agent = <T extends HttpAgent>(): Rule<T> =>
  must('an Agent of node:http or node:https', (given) => hasMethods(given, 'addRequest'));

/**
 * All options of `RtcMessagingModule`. Two defaults depend on another option: `deadlineMs` (`callPlan()`) and `endpoint`
 * (`REGION_HOSTS`).
 */
export const MODULE_OPTIONS = {
  appId: {
    rule: appId,
    variable: 'RTC_APP_ID',
    required: true,
    ofAccount: true,
  },
  appKey: {
    rule: appKey,
    variable: 'RTC_APP_KEY',
    redacted: true,
    ofAccount: true,
  },
  from: { rule: id, variable: 'RTC_FROM', ofAccount: true },
  region: {
    rule: text(/^[a-z0-9-]{1,64}$/, 'must be a name such as cn-north-1'),
    variable: 'RTC_REGION',
    default: 'cn-north-1',
    ofAccount: true,
  },
  endpoint: { rule: origin, variable: 'RTC_ENDPOINT', ofAccount: true },
  apiVersion: {
    rule: text(/^\d{4}-\d\d-\d\d$/, 'must be a date such as 2023-07-20'),
    variable: 'RTC_API_VERSION',
    default: '2023-07-20',
  },
  timeoutMs: { rule: duration, variable: 'RTC_TIMEOUT_MS', default: 5_000 },
  deadlineMs: { rule: duration, variable: 'RTC_DEADLINE_MS' },
  shutdownTimeoutMs: { rule: duration, variable: 'RTC_SHUTDOWN_TIMEOUT_MS', default: 10_000 },
  retry: {
    options: {
      maxAttempts: { rule: wholeNumber(1, MAX_ATTEMPTS), variable: 'RTC_RETRY_MAX_ATTEMPTS', default: 3 },
    },
  },
  onUnknown: { rule: oneOf('report', 'resend'), variable: 'RTC_ON_UNKNOWN', default: 'report' },
  quota: {
    options: {
      requestsPerSecond: { rule: wholeNumber(1, MAX_QUOTA), variable: 'RTC_QUOTA_RPS', default: 500 },
      costPer: { rule: oneOf('request', 'recipient'), variable: 'RTC_QUOTA_COST_PER', default: 'request' },
      roomMessagesPerSecond: { rule: wholeNumber(1, MAX_QUOTA), variable: 'RTC_QUOTA_ROOM_MPS' },
      credit: { rule: flag, variable: 'RTC_QUOTA_CREDIT', default: true },
      reserve: { rule: wholeNumber(0, MAX_QUOTA), variable: 'RTC_QUOTA_RESERVE', default: 0 },
      maxQueue: { rule: wholeNumber(0, MAX_QUOTA), variable: 'RTC_QUOTA_MAX_QUEUE', default: 5_000 },
      scope: { rule: oneOf('accessKey', 'app'), variable: 'RTC_QUOTA_SCOPE', default: 'accessKey' },
      store: { rule: must<QuotaStore>('a RedisQuota, or a store like it', isQuotaStore), redacted: true },
    },
  },
  telemetry: { rule: flag, variable: 'RTC_TELEMETRY', default: true },
  allowInsecureEndpoint: { rule: flag, variable: 'RTC_ALLOW_INSECURE_ENDPOINT', default: false },
  credentials: {
    rule: credentials,
    variable: {
      accessKeyId: 'VOLCENGINE_ACCESS_KEY',
      secretAccessKey: 'VOLCENGINE_SECRET_KEY',
      sessionToken: 'VOLCENGINE_SESSION_TOKEN',
    },
    required: true,
    redacted: true,
    ofAccount: true,
  },
  http: {
    options: {
      httpAgent: { rule: agent<HttpAgent>(), redacted: true },
      httpsAgent: { rule: agent<HttpsAgent>(), redacted: true },
      maxSockets: { rule: wholeNumber(1, 65_535), variable: 'RTC_HTTP_MAX_SOCKETS', default: 256 },
      maxContentLength: {
        rule: wholeNumber(1_024, MAX_CONTENT_LENGTH),
        variable: 'RTC_HTTP_MAX_CONTENT_LENGTH',
        default: 1_048_576,
      },
    },
  },
} satisfies OptionTable<RtcMessagingOptions>;

/** The environment variable of each option that has one, by the option's path. */
export function variables(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    withVariable(MODULE_OPTIONS).map(({ option, variable = '' }) => [option, variable]),
  );
}
