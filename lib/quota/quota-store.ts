import type { RtcQuotaEvent } from '../diagnostics/rtc-event.js';

/** State of a shared quota. It is `fallback` or `refusing` while its store is unavailable. */
export type QuotaStatus = RtcQuotaEvent['status'];

/** A change in the state of a shared quota. */
export interface QuotaStatusChange {
  /** The new state. */
  readonly status: QuotaStatus;
  /** Why it is not shared, and what to do about it; without secrets. */
  readonly failure?: string | undefined;
}

/** What a process needs. */
export interface PermitDemand {
  /** Permits that are not free: those of requests that are unanswered, or were answered less than a second ago. */
  readonly out: number;
  /** Permits that this process could use in all. */
  readonly wanted: number;
  /** Permits that the next waiting request needs at once. 0: none is waiting. */
  readonly together: number;
}

/** The permits that a process holds. Times are in monotonic milliseconds, as of `performance.now()`. */
export interface HeldPermits {
  /** At least as many as were out when the store asked for the demand. */
  readonly held: number;
  /** How many of them may be out. The others are given back as they become free. */
  readonly allowed: number;
  /** Until when permits may be taken. */
  readonly usableUntil: number;
  /** Until when requests with such permits may leave this process. */
  readonly endsAt: number;
  /** Why there are none for now. Waiting requests are refused with it. */
  readonly unavailable?:
    | {
        /** One sentence for the log and the error. */
        readonly reason: string;
        /** After so many milliseconds another try may succeed. */
        readonly retryAfterMs: number;
      }
    | undefined;
}

/** The permits that several processes share. */
export interface PermitSource {
  /** Permits a second. It may change while the source is in use. */
  limit: number;
  /** Called when a request waits for permits. Called often, so it should ask only if the demand has changed. */
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
  /** Permits a second. */
  readonly limit: number;
  /** What this process needs now. */
  readonly demand: () => PermitDemand;
  /** Called by the store with what this process holds from now on. Until the first call, it holds none. */
  readonly onPermits: (permits: HeldPermits) => void;
  /** Called by the store when its state changes, and once when its state is first known. */
  readonly onStatus: (change: QuotaStatusChange) => void;
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
  /** Opens the permits of a scope. Must not throw: failures are reported through `onStatus`. */
  open(scope: QuotaScope): PermitSource;
}

export function isQuotaStore(value: unknown): value is QuotaStore {
  return typeof (value as { open?: unknown } | null | undefined)?.open === 'function';
}
