import type { RtcQuotaEvent } from '../diagnostics/rtc-event.js';

/** State of a shared quota. It is `fallback` or `refusing` while its store is unavailable. */
export type QuotaStatus = RtcQuotaEvent['status'];

/** A state of a shared quota. Its `failure` says why it is not shared, and what to do about it; without secrets. */
export type QuotaStatusChange = Pick<RtcQuotaEvent, 'status' | 'failure'>;

/** What a process needs. */
export interface PermitDemand {
  /** Permits a second that there are, for all processes. */
  readonly limit: number;
  /** Permits that are not free: those of requests that are unanswered, or were answered less than a second ago. */
  readonly out: number;
  /** Permits that this process could use in all. */
  readonly wanted: number;
  /** Permits that the next waiting request needs at once. 0: none is waiting. */
  readonly together: number;
}

/**
 * The permits that a process holds, and the state of the store. Times are in monotonic milliseconds, as of
 * `performance.now()`. If the status is `refusing`, waiting requests are refused with the failure.
 */
export interface HeldPermits extends QuotaStatusChange {
  /** How many may be out. If more are out, they are given back as they become free. */
  readonly permits: number;
  /** Until when permits may be taken. */
  readonly usableUntil: number;
  /**
   * Until when requests with such permits may leave this process. A later time extends that of permits that are out, if
   * theirs has not passed. Infinity, for permits of the process's own, extends none.
   */
  readonly endsAt: number;
}

/** The permits that several processes share. */
export interface PermitSource {
  /**
   * Called when a request waits for permits. Called often, so it should ask only if the demand has changed. Must not
   * throw.
   */
  request(): void;
  /** Releases the store. */
  close(): void;
}

/** What one set of shared permits is for. */
export interface QuotaScope {
  /**
   * Processes with the same name share permits. It holds the endpoint, the account and, if each app has its own quota,
   * the app.
   */
  readonly name: string;
  /** What this process needs now. */
  readonly demand: () => PermitDemand;
  /** Called by the store with what this process holds from now on. Until the first call, it holds none. */
  readonly onPermits: (permits: HeldPermits) => void;
}

/**
 * A store that several processes share permits through, such as `RedisQuota` of `nestjs-rtc-messaging/redis`. It is
 * recognised by its method, since another copy of this package may have loaded its class.
 */
export interface QuotaStore {
  /**
   * Name of the account whose quota it is. It replaces the access key's ID where processes have different access keys.
   */
  readonly account?: string | undefined;
  /** Opens the permits of a scope. Must not throw: a failure is a status of the permits. */
  open(scope: QuotaScope): PermitSource;
}

export function isQuotaStore(value: unknown): value is QuotaStore {
  return typeof (value as { open?: unknown } | null | undefined)?.open === 'function';
}
