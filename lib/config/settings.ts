import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { ResolveCredentials, RtcCredentials } from '../credentials/credentials.js';
import type { Redacted } from '../privacy/redacted.js';
import type { QuotaSettings } from '../quota/limiter-registry.js';
import type { QuotaStore } from '../quota/quota-store.js';
import type { OnUnknown } from '../retry/send-call.js';

/** The options and the environment, merged, checked and with defaults: what the rest of the library reads. */
export interface RtcMessagingSettings {
  /** Of this module among several. */
  readonly name: string;
  readonly appId: string;
  readonly appKey: Redacted<string> | undefined;
  readonly from: string | undefined;
  readonly region: string;
  /** An origin. */
  readonly endpoint: string;
  /** Whether the endpoint was given, or is the region's. */
  readonly isEndpointGiven: boolean;
  readonly apiVersion: string;
  readonly timeoutMs: number;
  /** Undefined: three times what one attempt may take. */
  readonly deadlineMs: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly retry: { readonly maxAttempts: number };
  readonly onUnknown: OnUnknown;
  readonly telemetry: boolean;
  readonly quota: QuotaSettings & { readonly store: Redacted<QuotaStore> | undefined };
  readonly credentials: Redacted<RtcCredentials> | ResolveCredentials;
  readonly http: {
    readonly httpAgent: Redacted<HttpAgent> | undefined;
    readonly httpsAgent: Redacted<HttpsAgent> | undefined;
    readonly maxSockets: number;
    readonly maxContentLength: number;
  };
}

export const DEFAULTS = {
  region: 'cn-north-1',
  apiVersion: '2023-07-20',
  timeoutMs: 5_000,
  shutdownTimeoutMs: 10_000,
  maxAttempts: 3,
  onUnknown: 'report',
  quotaRequestsPerSecond: 500,
  quotaCostPer: 'request',
  quotaCredit: true,
  quotaReserve: 0,
  quotaMaxQueue: 5_000,
  quotaScope: 'accessKey',
  telemetry: true,
  maxSockets: 256,
  maxContentLength: 1_048_576,
} as const;

/** No one waits longer than ten minutes for a message to be sent: milliseconds, of the module's options and a call's. */
export const MAX_DURATION_MS = 600_000;
