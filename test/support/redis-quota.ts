import { type RedisQuota } from 'nestjs-rtc-messaging/redis';
import { QuotaGate } from '../../lib/quota/quota-gate.js';
import type { QuotaStatusChange, StoredQuota } from '../../lib/quota/quota-store.js';

/** A name that no other test has: several may share one Redis. */
export function uniqueName(): string {
  return `test-${process.pid}-${Math.random().toString(36).slice(2)}`;
}

/** A gate on a shared schedule, as one process has it. */
export interface OpenGate {
  readonly gate: QuotaGate;
  readonly quota: StoredQuota;
  readonly changes: QuotaStatusChange[];
}

export function openGate(store: RedisQuota, name: string, limit: number): OpenGate {
  const changes: QuotaStatusChange[] = [];
  const quota = store.open({ name, limit, onStatus: (change) => changes.push(change) });
  return { gate: new QuotaGate(quota, 1_000_000), quota, changes };
}

/** Enters, waits for its turn, and tells when that was. */
export async function pass({ gate }: OpenGate): Promise<number> {
  await gate.enter('bulk', Number.POSITIVE_INFINITY)?.granted;
  return performance.now();
}

/** The most of these times (ascending or not) in any half-open second. */
export function mostInAnySecond(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let most = 0;
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while (sorted[last]! - sorted[first]! >= 1_000) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}
