import type { RtcQuotaEvent } from '../diagnostics/rtc-event.js';
import type { Quota } from './quota.js';

/** A schedule whose limit may change while it is used. */
export interface AdjustableQuota extends Quota {
  /** Requests that the service may see in any second. Takes effect with the next slot. */
  limit: number;
}

/** How a shared quota is: `fallback` and `refusing` while its store is away. */
export type QuotaStatus = RtcQuotaEvent['status'];

/** What became of a shared quota. */
export interface QuotaStatusChange {
  /** How it is from now on. */
  readonly status: QuotaStatus;
  /** Why it is not shared, and what to do about it; without secrets. */
  readonly failure?: string | undefined;
}

/** A schedule that is kept outside of this process. */
export interface StoredQuota extends AdjustableQuota {
  /** Lets go of the store. */
  close(): void;
}

/** What a schedule is opened for. */
export interface QuotaScope {
  /** Whoever gives the same shares a schedule: the endpoint, whose quota it is, and the app, where each has its own. */
  readonly name: string;
  /** Requests that the service may see in any second. */
  readonly limit: number;
  /** Told when it changes, and once when it is known at first. */
  readonly onStatus: (change: QuotaStatusChange) => void;
}

/**
 * Where several processes keep their schedules: `RedisQuota` of `nestjs-rtc-messaging/redis`. An object of a
 * class that another copy of this package may have loaded, so that it is known by its method.
 */
export interface QuotaStore {
  /** Whose quota it is, in place of the access key: where the access keys of processes differ. */
  readonly account?: string | undefined;
  /** The schedule of that name; made if it is not there. It must not throw: what is wrong is told by `onStatus`. */
  open(scope: QuotaScope): StoredQuota;
}

export function isQuotaStore(value: unknown): value is QuotaStore {
  return typeof (value as { open?: unknown } | null | undefined)?.open === 'function';
}
