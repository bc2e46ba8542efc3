import type { RtcCredentials } from '../credentials/credentials.js';
import type { AttemptPhase } from '../errors/attempt.js';
import type { RtcConfigError } from '../errors/rtc-config.error.js';
import type { Redacted } from '../privacy/redacted.js';
import { type Interruption, TimeBox } from '../waiting/time-box.js';
import type { ApiReply } from './api-reply.js';

/** The failure of an answer that is longer than is read. */
export const RESPONSE_TOO_LARGE = 'RESPONSE_TOO_LARGE';

/** How an attempt ended, before it is classified. */
export type AttemptEnd =
  | {
      readonly kind: 'answered';
      readonly httpStatus: number;
      readonly reply: ApiReply;
      /** The header's text. */
      readonly retryAfter: string | undefined;
      readonly date: string | undefined;
    }
  /**
   * The transport failed. `failure` is Node's code or a name of this library. `thrown` is the kind of an unexpected
   * error.
   */
  | { readonly kind: 'network_error'; readonly failure: string; readonly thrown?: string }
  | { readonly kind: 'interrupted'; readonly by: Interruption }
  /** There were no credentials to sign with. */
  | { readonly kind: 'no_credentials'; readonly error: RtcConfigError };

/** A finished HTTP attempt. */
export interface AttemptResult {
  readonly end: AttemptEnd;
  /** How far the attempt got. */
  readonly phase: AttemptPhase;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Status of the response, if its headers arrived. */
  readonly httpStatus: number | undefined;
  /** What the request was signed with. Undefined if it was not signed. */
  readonly signedWith: Signing | undefined;
}

/** Credentials and clock offset of one signature. A class, since Axios copies plain objects deeply. */
export class Signing {
  constructor(
    readonly credentials: Redacted<RtcCredentials>,
    /** Assumed offset of the service's clock from this machine's, in milliseconds. */
    readonly clockOffsetMs: number,
  ) {}
}

/**
 * An HTTP attempt in flight: its phase, its time limit, and its cancellation. The phase is kept here and not in errors,
 * since it alone proves whether a message may have been accepted, and Axios or an interceptor may throw anything.
 */
export class HttpAttempt extends TimeBox {
  phase: AttemptPhase = 'queued';
  /** Called right before bytes are sent, possibly long after the attempt began. */
  mayLeave: () => boolean = () => true;
  httpStatus: number | undefined = undefined;
  signedWith: Signing | undefined = undefined;

  readonly #startedAt = new Date();
  readonly #started = performance.now();

  /** The result of the attempt, once it has ended. */
  result(end: AttemptEnd): AttemptResult {
    const { phase, httpStatus, signedWith } = this;
    const durationMs = performance.now() - this.#started;
    return { end, phase, startedAt: this.#startedAt, durationMs, httpStatus, signedWith };
  }
}
