import { type RedisQuota } from 'nestjs-rtc-messaging/redis';
import type { QuotaStatusChange } from '../../lib/quota/quota-store.js';
import { RateLimiter, type RequestPermit } from '../../lib/quota/rate-limiter.js';
import { mostInASecond } from './simulated-service.js';

/** A name that no other test has: several may share one Redis. */
export function uniqueName(): string {
  return `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
}

/** A limiter over permits that are shared, as one process has it. */
export interface OpenLimiter {
  readonly limiter: RateLimiter;
  readonly changes: QuotaStatusChange[];
}

export function openLimiter(store: RedisQuota, name: string, limit: number): OpenLimiter {
  const changes: QuotaStatusChange[] = [];
  const limiter = new RateLimiter({
    limit,
    maxQueue: 1_000_000,
    openShared: (scope) => store.open({ name, ...scope }),
    onStatus: (change) => changes.push(change),
  });
  return { limiter, changes };
}

/** Takes a permit, and gives it back with an answer right away. @returns when it had it */
export async function pass({ limiter }: OpenLimiter): Promise<number> {
  const request = {
    priority: 'bulk',
    permits: 1,
    recipients: 1,
    withinMs: Number.POSITIVE_INFINITY,
  } as const;
  const entered = limiter.enter(request);
  const permit: RequestPermit = 'granted' in entered ? await entered.granted : entered;
  const at = performance.now();
  permit.giveBack('accepted');
  return at;
}

/** The most of these times (ascending or not) in any half-open second. */
export function mostInAnySecond(times: readonly number[]): number {
  return mostInASecond(times.map((at) => ({ at, cost: 1 })));
}
