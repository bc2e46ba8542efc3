import type { Attempt, FailureOutcome } from '../errors/attempt.js';

/**
 * What is known of a message of which no attempt was accepted: as soon as one may have been, nothing that came
 * later can take that back.
 */
export function outcomeOfAttempts(attempts: readonly Attempt[]): FailureOutcome {
  if (attempts.some(({ outcome }) => outcome === 'unknown')) return 'unknown';
  return attempts.some(({ outcome }) => outcome === 'rejected') ? 'rejected' : 'not_attempted';
}

/** Whether more than one attempt was accepted, or may have been. */
export function isPossibleDuplicate(attempts: readonly Attempt[]): boolean {
  return attempts.filter(({ outcome }) => outcome === 'accepted' || outcome === 'unknown').length > 1;
}
