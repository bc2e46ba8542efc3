import type { OptionTable, OptionValues } from '../options/option-table.js';
import { duration, share, wholeNumber } from '../options/rules.js';
import type { SenderCondition } from '../retry/sender.js';
import type { CallKind, RecentPast } from './health-record.js';
import type { RtcHealth, RtcHealthThresholds } from './rtc-health.js';

export const HEALTH_THRESHOLDS = {
  queueShare: { rule: share, default: 0.9 },
  maxWaitMs: duration,
  failureShare: { rule: share, default: 0.9 },
  minCalls: { rule: wholeNumber(0), default: 10 },
} satisfies OptionTable<RtcHealthThresholds>;

type Thresholds = OptionValues<typeof HEALTH_THRESHOLDS>;
type Counts = Partial<Record<CallKind, number>>;

/** Computes the health from the sender's condition, recent calls and the thresholds. */
export function judgeHealth(
  { closing, ...condition }: SenderCondition,
  { counts, overMs, credentialsRefusal, sharedQuota }: RecentPast,
  { queueShare, maxWaitMs = Number.POSITIVE_INFINITY, failureShare, minCalls }: Thresholds,
): RtcHealth {
  const { accepted = 0, other: others = 0, ...failed }: Counts = Object.fromEntries(counts);
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
  const calls = accepted + failures;
  const kinds = Object.entries(failed).map(([kind, count]) => `${kind} ${count}`);
  const { credentials, quota } = condition;
  const { queued, maxQueue, waitMs } = quota;
  const isUnusable = credentials.state === 'unusable';
  // `false` stands for no problem. With `fallback`, a shared quota still sends, and it reconnects by itself.
  const problems = [
    closing && 'The app is shutting down.',
    isUnusable && `There are no usable credentials: ${credentials.failure}.`,
    !isUnusable &&
      credentialsRefusal !== undefined &&
      `The service refuses the access key with ${credentialsRefusal}.`,
    sharedQuota?.status === 'refusing' && `The shared quota is unavailable: ${sharedQuota.failure}.`,
    // With `maxQueue: 0`, the queue can't fill up.
    maxQueue > 0 &&
      queued >= queueShare * maxQueue &&
      `The quota's queue is nearly full: ${queued} of ${maxQueue} calls are waiting.`,
    waitMs > maxWaitMs && `The quota's queue is long: about ${waitMs} ms.`,
    failures > 0 &&
      calls >= minCalls &&
      failures >= failureShare * calls &&
      `Of the last ${calls} calls, ${failures} failed (${kinds.join(', ')}).`,
  ].filter((problem) => problem !== false);
  return {
    status: problems.length === 0 ? 'up' : 'down',
    problems,
    shuttingDown: closing,
    ...condition,
    ...(sharedQuota !== undefined && { sharedQuota }),
    recent: { overMs: Math.round(overMs), accepted, failed, others },
  };
}
