import type { RtcQuotaEvent } from '../diagnostics/rtc-event.js';
import type { Permit, Priority } from './permit.js';

/** How a shared quota is: `fallback` and `refusing` while its store is away. */
export type QuotaStatus = RtcQuotaEvent['status'];

/** What became of a shared quota. */
export interface QuotaStatusChange {
  /** How it is from now on. */
  readonly status: QuotaStatus;
  /** Why it is not shared, and what to do about it; without secrets. */
  readonly failure?: string | undefined;
}

/** What is known of those who wait. */
export interface PermitDemand {
  /** Of the one that the permits are for. */
  readonly priority: Priority;
  /** How many requests are waiting, that one included. */
  readonly waiting: number;
  /** By how much a permit may be used early at present, in milliseconds. */
  readonly creditMs: number;
}

/** There is no permit now. */
export interface PermitDelay {
  /** When it is worth asking again, in milliseconds; Infinity: `onChange` will be called. */
  readonly delayMs: number;
  /** Why there will be none for now, so that those who wait are refused: a sentence, without its full stop. */
  readonly unavailable?: string;
}

/** Permits that several processes share. It is asked in the same turn in which the request leaves. */
export interface PermitSource {
  /** Permits that there are in a second. May change while it is used. */
  limit: number;
  /** Takes so many permits for one request, all or none. Must not throw. */
  take(permits: number, demand: PermitDemand): Permit | PermitDelay;
  /** Lets go of the store. */
  close(): void;
}

/** What permits are shared for. */
export interface QuotaScope {
  /** Whoever gives the same shares permits: the endpoint, whose quota it is, and the app, where each has its own. */
  readonly name: string;
  /** Permits in a second. */
  readonly limit: number;
  /** To be called when there may be permits that there were not when they were asked for. */
  readonly onChange: () => void;
  /** To be told when its status changes, and once when it is known at first. */
  readonly onStatus: (change: QuotaStatusChange) => void;
}

/**
 * Where several processes share their permits: `RedisQuota` of `nestjs-rtc-messaging/redis`. An object of a class
 * that another copy of this package may have loaded, so that it is known by its method.
 */
export interface QuotaStore {
  /** Whose quota it is, in place of the access key: where the access keys of processes differ. */
  readonly account?: string | undefined;
  /** The permits of that name. It must not throw: what is wrong is told by `onStatus`. */
  open(scope: QuotaScope): PermitSource;
}

export function isQuotaStore(value: unknown): value is QuotaStore {
  return typeof (value as { open?: unknown } | null | undefined)?.open === 'function';
}
