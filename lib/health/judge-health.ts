import type { OptionTable, OptionValues } from '../options/option-table.js';
import { duration, share, wholeNumber } from '../options/rules.js';
import type { SenderCondition } from '../retry/sender.js';
import type { RtcFailureKind } from './call-kind.js';
import type { RecentPast } from './health-record.js';
import type { RtcHealth, RtcHealthThresholds } from './rtc-health.js';

export const HEALTH_THRESHOLDS = {
  queueShare: { rule: share, default: 0.9 },
  maxWaitMs: duration,
  failureShare: { rule: share, default: 0.9 },
  minCalls: { rule: wholeNumber(0), default: 10 },
} satisfies OptionTable<RtcHealthThresholds>;

type Thresholds = OptionValues<typeof HEALTH_THRESHOLDS>;

/** All failure kinds. The type requires a complete list. */
const FAILURES: Readonly<Record<RtcFailureKind, true>> = {
  unreachable: true,
  unknown: true,
  throttled: true,
  credentials: true,
  refused: true,
};

/** Computes the health from the sender's condition, recent calls and the thresholds. */
export function judgeHealth(
  { closing, ...condition }: SenderCondition,
  past: RecentPast,
  thresholds: Thresholds,
): RtcHealth {
  const recent = summarize(past);
  const problems = [
    closing ? 'The app is shutting down.' : undefined,
    credentialsProblem(condition.credentials, past),
    sharedQuotaProblem(past.sharedQuota),
    ...quotaProblems(condition.quota, thresholds),
    failuresProblem(recent, thresholds),
  ].filter((problem) => problem !== undefined);
  return {
    status: problems.length === 0 ? 'up' : 'down',
    problems,
    shuttingDown: closing,
    ...condition,
    ...(past.sharedQuota !== undefined && { sharedQuota: past.sharedQuota }),
    recent,
  };
}

function summarize({ counts, overMs }: RecentPast): RtcHealth['recent'] {
  const failed: Partial<Record<RtcFailureKind, number>> = {};
  let others = 0;
  for (const [kind, count] of counts) {
    if (kind === 'accepted') continue;
    if (isFailure(kind)) failed[kind] = count;
    else others += count;
  }
  return { overMs: Math.round(overMs), accepted: counts.get('accepted') ?? 0, failed, others };
}

function isFailure(kind: string): kind is RtcFailureKind {
  return Object.hasOwn(FAILURES, kind);
}

function credentialsProblem(
  { state, failure }: SenderCondition['credentials'],
  { credentialsRefusal }: RecentPast,
): string | undefined {
  if (state === 'unusable') return `There are no usable credentials: ${failure}.`;
  return credentialsRefusal === undefined
    ? undefined
    : `The service refuses the access key with ${credentialsRefusal}.`;
}

/** Only `refusing` is a problem. With `fallback`, the process still sends, and it reconnects by itself. */
function sharedQuotaProblem(sharedQuota: RecentPast['sharedQuota']): string | undefined {
  if (sharedQuota?.status !== 'refusing') return undefined;
  return `The shared quota is unavailable: ${sharedQuota.failure}.`;
}

function quotaProblems(
  { queued, maxQueue, waitMs }: SenderCondition['quota'],
  { queueShare, maxWaitMs = Number.POSITIVE_INFINITY }: Thresholds,
): string[] {
  // With `maxQueue: 0`, the queue can't fill up.
  const isFull = maxQueue > 0 && queued >= queueShare * maxQueue;
  return [
    ...(isFull ? [`The quota's queue is nearly full: ${queued} of ${maxQueue} calls are waiting.`] : []),
    ...(waitMs > maxWaitMs ? [`The quota's queue is long: about ${waitMs} ms.`] : []),
  ];
}

function failuresProblem(
  { accepted, failed }: RtcHealth['recent'],
  { failureShare, minCalls }: Thresholds,
): string | undefined {
  const failures = Object.values(failed).reduce((sum, count) => sum + count, 0);
  const judged = accepted + failures;
  if (judged < minCalls || failures === 0 || failures < failureShare * judged) return undefined;
  const kinds = Object.entries(failed).map(([kind, count]) => `${kind} ${count}`);
  return `Of the last ${judged} calls, ${failures} failed (${kinds.join(', ')}).`;
}
