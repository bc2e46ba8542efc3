import type { Attempt } from '../errors/attempt.js';
import { nameError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';

/** The service now refuses chunks of this size. The sender of chunks splits the chunk and sends the parts. */
export class ChunkTooLargeError extends RtcQuotaError {
  constructor(
    private readonly chunkSize: number,
    attempts: readonly Attempt[] = [],
  ) {
    super(`The service refuses requests of more than ${chunkSize} recipients. Nothing was sent.`, {
      retryAfterMs: 0,
      attempts,
    });
  }

  /** The same error with the attempts that were made before it. */
  after(attempts: readonly Attempt[]): ChunkTooLargeError {
    return new ChunkTooLargeError(this.chunkSize, attempts);
  }
}
nameError(ChunkTooLargeError, 'RtcQuotaError');
