import type { AttemptResult } from '../openapi/attempt-result.js';
import type { RequestEnd } from '../quota/rate-limiter.js';
import type { RetryDecision } from './classify.js';

/** A gateway answers with these in place of the service behind it, which may have the request all the same. */
const GATEWAY_ANSWERS: ReadonlySet<number> = new Set([502, 504]);

/** What an attempt proves of the quota: whether the service has counted it by now, or never will. */
export function requestEndOf(
  { end, phase }: AttemptResult,
  { outcome, action }: RetryDecision,
  throttledMs: number,
): RequestEnd {
  if (end.kind !== 'answered') return phase === 'queued' || phase === 'connecting' ? 'unused' : 'unanswered';
  if (action === 'slow_down') return { throttledMs };
  if (outcome === 'accepted') return 'accepted';
  const isGateway = end.reply.kind === 'unreadable' || GATEWAY_ANSWERS.has(end.httpStatus);
  return isGateway ? 'unanswered' : 'answered';
}
