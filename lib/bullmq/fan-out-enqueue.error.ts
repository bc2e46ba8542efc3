import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { nameError, type RtcMessagingErrorInit } from '../errors/rtc-messaging.error.js';

/** What {@link FanOutEnqueueError} adds. */
export interface FanOutEnqueueErrorInit extends RtcMessagingErrorInit {
  /** Becomes `fanOutId`. */
  readonly fanOutId: string;
  /** Becomes `cause`. */
  readonly cause?: unknown;
}

/**
 * A fan-out was not enqueued to its end. With the outcome `unknown`, the stored recipients are sent to. To continue,
 * enqueue the same request with `{ id: error.fanOutId }`. `get(error.fanOutId)` shows its progress.
 *
 * `cause` is the error of the source or of Redis's client. It is absent if `signal` or a shutdown ended the enqueuing.
 * It is left out of the error's JSON, since a source's error may hold anything.
 */
export class FanOutEnqueueError extends RtcAbortedError {
  /** ID of the fan-out: the caller's, or a UUID. */
  readonly fanOutId: string;

  constructor(message: string, { fanOutId, cause, ...init }: FanOutEnqueueErrorInit) {
    super(message, init);
    this.fanOutId = fanOutId;
    // Not enumerable, like the `cause` of the language's errors.
    if (cause !== undefined) {
      Object.defineProperty(this, 'cause', { value: cause, configurable: true, writable: true });
    }
  }
}
nameError(FanOutEnqueueError, 'FanOutEnqueueError');
