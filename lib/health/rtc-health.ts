import type { CredentialsStatus } from '../credentials/credentials-source.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import type { QuotaStatusChange } from '../quota/quota-store.js';
import type { RtcFailureKind } from './call-kind.js';

/** From when on messaging counts as down. Shutting down, unusable credentials and a shared
 * quota that refuses always do. */
export interface RtcHealthThresholds {
  /** The share of `quota.maxQueue` that is taken by waiting single sends, above 0 up to 1. Default 0.9. */
  readonly queueShare?: number | undefined;
  /** How long a single send would wait for its turn, in milliseconds. Default: that alone does no harm. */
  readonly maxWaitMs?: number | undefined;
  /** The share of failures among the calls of the last minute, above 0 up to 1. Default 0.9. */
  readonly failureShare?: number | undefined;
  /** How many calls there must have been in that minute for their failures to count. Default 10. */
  readonly minCalls?: number | undefined;
}

/** How messaging is doing. It holds no secret, and nothing of any request. */
export interface RtcHealth {
  /** Whether messages can be sent, as far as that is known without sending one. */
  readonly status: 'up' | 'down';
  /** Why it is down, a sentence each. */
  readonly problems: readonly string[];
  /** Whether the app closes, and new calls are or will soon be refused. */
  readonly shuttingDown: boolean;
  /** Calls that are under way. */
  readonly inFlight: number;
  /** The quota's use and queue. */
  readonly quota: QuotaUsage;
  /** How a quota that processes share is, and why; absent where it is not shared, and before the first send. */
  readonly sharedQuota?: QuotaStatusChange;
  /** Whether there are credentials to sign with. */
  readonly credentials: CredentialsStatus;
  /** How the calls of the last minute ended. */
  readonly recent: {
    /** How long that minute is, in milliseconds: up to five seconds more. */
    readonly overMs: number;
    /** Calls whose message was accepted. */
    readonly accepted: number;
    /** Those that say something of the way to the service, … */
    readonly failed: Readonly<Partial<Record<RtcFailureKind, number>>>;
    /** … and those that were aborted, invalid, or not let into the quota's queue. */
    readonly others: number;
  };
}
