import type { Attempt } from '../errors/attempt.js';
import { nameError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';

/** A chunk that waited for permits has more recipients than the service accepts by now: its sender is to cut it. */
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

  /** With the attempts that were made before. */
  after(attempts: readonly Attempt[]): ChunkTooLargeError {
    return new ChunkTooLargeError(this.chunkSize, attempts);
  }
}
nameError(ChunkTooLargeError, 'RtcQuotaError');
