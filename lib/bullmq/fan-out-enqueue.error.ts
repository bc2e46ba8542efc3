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
 * A fan-out was not enqueued to its end. With the outcome `unknown`, what was stored is sent: enqueue the same
 * request with `{ id: error.fanOutId }` to go on, or look at it with `get(error.fanOutId)`.
 *
 * `cause` is what the source threw, or what Redis's client said; it is there when neither `signal` nor a shutdown
 * ended the enqueuing. It is left out of the error's JSON, since a source's error may hold anything.
 */
export class FanOutEnqueueError extends RtcAbortedError {
  /** The caller's, or the UUID that was made for the fan-out. */
  readonly fanOutId: string;

  constructor(message: string, { fanOutId, cause, ...init }: FanOutEnqueueErrorInit) {
    super(message, init);
    this.fanOutId = fanOutId;
    // As the language does it.
    if (cause !== undefined) {
      Object.defineProperty(this, 'cause', { value: cause, configurable: true, writable: true });
    }
  }
}
nameError(FanOutEnqueueError, 'FanOutEnqueueError');
