/**
 * How far one HTTP attempt came. Only `queued` and `connecting` prove that no byte of the body
 * left this process; from `sent` on, the remote side may have accepted the message.
 *
 * - `queued`: waiting for a socket of the agent, or for credentials
 * - `connecting`: DNS look-up, TCP connect, TLS handshake
 * - `sent`: the first byte of the body has been handed to the socket
 * - `headers`: the response's status and headers have arrived
 * - `done`: the response has been read to its end
 */
export type AttemptPhase = 'queued' | 'connecting' | 'sent' | 'headers' | 'done';

/**
 * What became of a message at the remote side.
 *
 * - `accepted`: the service said that it took the message (which does not mean that each user has received it)
 * - `rejected`: the service said no
 * - `unknown`: it may have been accepted; nothing that was seen proves either
 */
export type Outcome = 'accepted' | 'rejected' | 'unknown';

/** An {@link Outcome} of something that failed; `not_attempted` means that no byte of the message was sent. */
export type FailureOutcome = Exclude<Outcome, 'accepted'> | 'not_attempted';

/** One HTTP attempt, as receipts and errors tell it. */
export interface Attempt {
  /** What this attempt alone proves of the message. */
  readonly outcome: Outcome | 'not_attempted';
  /** How far it came. */
  readonly phase: AttemptPhase;
  /** When the attempt began, as an ISO 8601 time of this machine's clock. */
  readonly startedAt: string;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** The response's HTTP status, where one arrived. */
  readonly httpStatus?: number | undefined;
  /** The vendor's ID of the request, to be named when asking the vendor about it. */
  readonly requestId?: string | undefined;
  /** Whether the service refused because the quota was used up. */
  readonly throttled?: true | undefined;
  /**
   * Why it was not accepted: the vendor's error code (`WithheldCode` for one that may repeat what was sent), Node's
   * (`ECONNREFUSED`), or one of this library's: `TIMEOUT`, `ABORTED`, `NO_CREDENTIALS`, `UnreadableResponse`,
   * `RESPONSE_TOO_LARGE`, `SWITCHED_PROTOCOLS`; `PROXY_REFUSED` (of a tunnel to the service), `NOT_ENCRYPTED` (an agent
   * gave a plain connection for `https:`), `UNASKED_ANSWER` (one that was there before the request), `PERMIT_EXPIRED` (of a shared quota); `REQUEST_FAILED`
   * with the kind of an error that nobody expected: `REQUEST_FAILED (TypeError)`.
   */
  readonly failure?: string | undefined;
}
