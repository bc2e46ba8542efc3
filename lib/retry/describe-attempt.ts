import type { Attempt } from '../errors/attempt.js';
import type { ApiReply } from '../openapi/api-reply.js';
import type { AttemptEnd, AttemptResult } from '../openapi/attempt-result.js';

/** In place of the vendor's code, where an answer can't be read. */
export const UNREADABLE = 'UnreadableResponse';

/** The code of an answer that is not a success. */
export function codeOf(reply: ApiReply): string {
  return reply.kind === 'error' ? reply.apiCode : UNREADABLE;
}

/** What receipts and errors tell of an attempt. */
export function describeAttempt(result: AttemptResult, outcome: Attempt['outcome']): Attempt {
  const { end, phase, startedAt, durationMs, httpStatus } = result;
  const requestId =
    end.kind === 'answered' && end.reply.kind !== 'unreadable' ? end.reply.requestId : undefined;
  return {
    outcome,
    phase,
    startedAt: startedAt.toISOString(),
    durationMs,
    ...(httpStatus !== undefined && { httpStatus }),
    ...(requestId !== undefined && { requestId }),
    ...(outcome !== 'accepted' && { failure: failureOf(end) }),
  };
}

function failureOf(end: AttemptEnd): string {
  switch (end.kind) {
    case 'answered':
      return codeOf(end.reply);
    case 'broken':
      return end.failure;
    case 'interrupted':
      return end.by === 'timeout' ? 'TIMEOUT' : 'ABORTED';
    case 'unsigned':
      return 'NO_CREDENTIALS';
  }
}
