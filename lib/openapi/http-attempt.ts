import type { RtcCredentials } from '../credentials/credentials.js';
import type { AttemptPhase } from '../errors/attempt.js';
import type { RtcConfigError } from '../errors/rtc-config.error.js';
import type { Redacted } from '../privacy/redacted.js';
import { type Interruption, TimeBox } from '../waiting/time-box.js';
import type { ApiReply } from './api-reply.js';

/** How an attempt ended: what was seen, and no judgement. */
export type AttemptEnd =
  | {
      readonly kind: 'answered';
      readonly httpStatus: number;
      readonly reply: ApiReply;
      /** The headers, unread. */
      readonly retryAfter: string | undefined;
      readonly date: string | undefined;
    }
  /**
   * The transport failed; `failure` is Node's code, or a name of this library's own. `thrown` is what kind of error
   * nobody expected.
   */
  | { readonly kind: 'network_error'; readonly failure: string; readonly thrown?: string }
  | { readonly kind: 'interrupted'; readonly by: Interruption }
  /** There was nothing to sign with. */
  | { readonly kind: 'no_credentials'; readonly error: RtcConfigError };

/** One HTTP attempt, over and done with. */
export interface AttemptResult {
  readonly end: AttemptEnd;
  /** How far it came. */
  readonly phase: AttemptPhase;
  readonly startedAt: Date;
  readonly durationMs: number;
  /** Of a response whose headers arrived, even if the rest did not. */
  readonly httpStatus: number | undefined;
  /** What it was signed with; undefined if it did not come so far. */
  readonly signedWith: Signing | undefined;
}

/** What one signature is made with beside the request. A class, since Axios copies plain objects to their depths. */
export class Signing {
  constructor(
    readonly credentials: Redacted<RtcCredentials>,
    /** How far the service's clock is taken to be ahead of this machine's, in milliseconds. */
    readonly clockOffsetMs: number,
  ) {}
}

/**
 * One HTTP attempt while it is under way: its phase, the time that it may take, and what ends it. The phase is kept here
 * rather than in whatever is thrown, since it alone proves whether a message can have been accepted, and Axios or an
 * interceptor may throw anything.
 */
export class HttpAttempt extends TimeBox {
  phase: AttemptPhase = 'queued';
  /** Asked when bytes are about to leave, which may be long after the attempt began. */
  mayLeave: () => boolean = () => true;
  httpStatus: number | undefined = undefined;
  signedWith: Signing | undefined = undefined;

  readonly #startedAt = new Date();
  readonly #started = performance.now();

  /** What there is to tell of it once it has ended. */
  result(end: AttemptEnd): AttemptResult {
    const { phase, httpStatus, signedWith } = this;
    const durationMs = performance.now() - this.#started;
    return { end, phase, startedAt: this.#startedAt, durationMs, httpStatus, signedWith };
  }
}
