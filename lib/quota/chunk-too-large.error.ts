import type { Attempt } from '../errors/attempt.js';
import { nameError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';

/** The service now refuses chunks of this size. The sender of chunks splits the chunk and sends the parts. */
export class ChunkTooLargeError extends RtcQuotaError {
  constructor(
    readonly chunkSize: number,
    attempts?: readonly Attempt[],
  ) {
    super(`The service refuses requests of more than ${chunkSize} recipients. Nothing was sent.`, {
      retryAfterMs: 0,
      attempts,
    });
  }
}
nameError(ChunkTooLargeError, 'RtcQuotaError');
