import type { RtcCredentials } from '../credentials/credentials.js';
import type { AttemptPhase } from '../errors/attempt.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import type { Redacted } from '../privacy/redacted.js';
import type { Cancellation } from '../waiting/cancellation.js';
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
  | { readonly kind: 'network_error'; readonly failure: string; readonly thrown?: string | undefined }
  | { readonly kind: 'interrupted'; readonly by: Interruption }
  /** There were no credentials to sign with. */
  | { readonly kind: 'no_credentials'; readonly error: RtcConfigError };

/** A finished HTTP attempt. */
export interface AttemptResult extends Readonly<
  Pick<HttpAttempt, 'phase' | 'startedAt' | 'httpStatus' | 'signedWith'>
> {
  readonly end: AttemptEnd;
  readonly durationMs: number;
}

/** The transport failed. Only the code is kept, since Node's own errors may carry the request. */
export class TransportError extends Error {
  /** @param thrown kind of an unexpected error */
  constructor(
    readonly code: string,
    readonly thrown?: string,
  ) {
    super(code);
  }
}

/** Credentials and clock offset of one signature. */
export interface Signing {
  readonly credentials: Redacted<RtcCredentials>;
  /** Assumed offset of the service's clock from this machine's, in milliseconds. */
  readonly clockOffsetMs: number;
}

/** The limits of one attempt. */
export interface AttemptLimits {
  /** Time limit of the whole attempt in milliseconds, including the response's body. */
  readonly timeoutMs: number;
  readonly cancellation: Cancellation;
  /** Called right before bytes are sent. If it returns false, the attempt ends with `PERMIT_EXPIRED`. Default: true. */
  readonly mayLeave?: () => boolean;
}

/**
 * An HTTP attempt in flight: its phase, its time limit, and its cancellation. The phase is kept here and not in errors,
 * since it alone proves whether a message may have been accepted, and Axios or an interceptor may throw anything.
 */
export class HttpAttempt extends TimeBox {
  /** How far the attempt got. */
  phase: AttemptPhase = 'queued';
  /** Status of the response, once its headers have arrived. */
  httpStatus: number | undefined = undefined;
  /** What the request was signed with. Undefined if it was not signed. */
  signedWith: Signing | undefined = undefined;
  readonly startedAt = new Date();
  readonly #started = performance.now();
  /** Whether bytes may be sent now, possibly long after the attempt began. */
  readonly mayLeave: () => boolean;

  private constructor({ timeoutMs, cancellation, mayLeave = () => true }: AttemptLimits) {
    super(timeoutMs, cancellation);
    this.mayLeave = mayLeave;
  }

  /** Makes an attempt within its limits. @returns how it ended if anything was thrown. Never rejects. */
  static async make<T>(
    limits: AttemptLimits,
    work: (attempt: HttpAttempt) => Promise<T>,
  ): Promise<T | AttemptResult> {
    const attempt = new HttpAttempt(limits);
    try {
      return await work(attempt);
    } catch (error) {
      return attempt.result(attempt.#endBy(error));
    } finally {
      attempt.dispose();
    }
  }

  /** The result of the attempt, once it has ended. */
  result(end: AttemptEnd): AttemptResult {
    const { phase, startedAt, httpStatus, signedWith } = this;
    return { end, phase, startedAt, durationMs: performance.now() - this.#started, httpStatus, signedWith };
  }

  #endBy(error: unknown): AttemptEnd {
    if (this.interruption !== undefined) return { kind: 'interrupted', by: this.interruption };
    if (error instanceof RtcConfigError) return { kind: 'no_credentials', error };
    const { code: failure, thrown } =
      error instanceof TransportError ? error : new TransportError('REQUEST_FAILED', kindOfThrown(error));
    return { kind: 'network_error', failure, thrown };
  }
}
