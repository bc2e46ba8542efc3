import type { RtcQuotaEvent } from '../diagnostics/rtc-event.js';
import type { Permit, Priority } from './permit.js';

/** State of a shared quota. It is `fallback` or `refusing` while its store is unavailable. */
export type QuotaStatus = RtcQuotaEvent['status'];

/** A change in the state of a shared quota. */
export interface QuotaStatusChange {
  /** The new state. */
  readonly status: QuotaStatus;
  /** Why it is not shared, and what to do about it; without secrets. */
  readonly failure?: string | undefined;
}

/** What a store may consider when it hands out permits. */
export interface PermitDemand {
  /** Priority of the request that needs the permits. */
  readonly priority: Priority;
  /** Number of waiting requests, this one included. */
  readonly waiting: number;
  /** How much earlier a permit may be used at present, in milliseconds. */
  readonly creditMs: number;
}

/** No permit is free now. */
export interface PermitDelay {
  /** When to ask again, in milliseconds from now. Infinity: wait for `onChange`. */
  readonly delayMs: number;
  /**
   * Why no permit will become free for now, as a sentence without its full stop. Waiting requests are refused with it.
   */
  readonly unavailable?: string;
}

/** The permits that several processes share. */
export interface PermitSource {
  /** Permits a second. It may change while the source is in use. */
  limit: number;
  /**
   * Takes this many permits for one request, all or none. Called in the same turn of the event loop in which the
   * request is sent. Must not throw.
   */
  take(permits: number, demand: PermitDemand): Permit | PermitDelay;
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
  /** Called by the store when permits may have become free. */
  readonly onChange: () => void;
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
