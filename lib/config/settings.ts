import type { Agent as HttpAgent } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { ResolveCredentials } from '../credentials/credentials.js';

/** The options and the environment, merged, checked and with defaults: what the rest of the library reads. */
export interface RtcMessagingSettings {
  readonly appId: string;
  readonly from: string | undefined;
  readonly region: string;
  /** An origin. */
  readonly endpoint: string;
  readonly apiVersion: string;
  readonly timeoutMs: number;
  readonly resolveCredentials: ResolveCredentials;
  readonly http: {
    readonly httpAgent: HttpAgent | undefined;
    readonly httpsAgent: HttpsAgent | undefined;
    readonly maxSockets: number;
    readonly maxContentLength: number;
  };
}

export const DEFAULTS = {
  region: 'cn-north-1',
  apiVersion: '2023-07-20',
  timeoutMs: 5_000,
  maxSockets: 64,
  maxContentLength: 1_048_576,
} as const;
