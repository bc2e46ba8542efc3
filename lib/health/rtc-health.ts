import type { CredentialsStatus } from '../credentials/credentials-source.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import type { QuotaStatusChange } from '../quota/quota-store.js';
import type { RtcFailureKind } from './health-record.js';

/**
 * Thresholds at which messaging counts as down. It always does during a shutdown, without valid credentials, and while
 * a shared quota refuses.
 */
export interface RtcHealthThresholds {
  /** Fraction of `quota.maxQueue` that waiting single sends fill, above 0 up to 1. Default 0.9. */
  readonly queueShare?: number | undefined;
  /** Estimated wait of a single send, in milliseconds. Default: no threshold. */
  readonly maxWaitMs?: number | undefined;
  /** Fraction of failures among the calls of the last minute, above 0 up to 1. Default 0.9. */
  readonly failureShare?: number | undefined;
  /** Least number of calls in that minute for `failureShare` to apply. Default 10. */
  readonly minCalls?: number | undefined;
}

/** Health of messaging. It contains no secret and nothing of any request. */
export interface RtcHealth {
  /** `up` if messages can be sent, as far as that is known without sending one. */
  readonly status: 'up' | 'down';
  /** Reasons why it is down, one sentence each. */
  readonly problems: readonly string[];
  /** Whether the app closes: new calls are refused, or soon will be. */
  readonly shuttingDown: boolean;
  /** Number of calls in flight. */
  readonly inFlight: number;
  /** Use of the quota, and its queue. */
  readonly quota: QuotaUsage;
  /** State of a shared quota and its reason. Absent if the quota is not shared, and before the first send. */
  readonly sharedQuota?: QuotaStatusChange;
  /** State of the credentials. */
  readonly credentials: CredentialsStatus;
  /** How the calls of the last minute ended. */
  readonly recent: {
    /** Length of that minute in milliseconds. It may be up to five seconds longer. */
    readonly overMs: number;
    /** Number of accepted calls. */
    readonly accepted: number;
    /** Failures that concern the connection to the service, by kind. */
    readonly failed: Readonly<Partial<Record<RtcFailureKind, number>>>;
    /** Number of calls that were aborted, invalid, or refused by the quota's queue. */
    readonly others: number;
  };
}
