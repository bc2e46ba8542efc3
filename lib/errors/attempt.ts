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
 * Outcome of a message at the remote side.
 *
 * - `accepted`: the service accepted the message (which does not mean that each user has received it)
 * - `rejected`: the service refused the message
 * - `unknown`: the message may or may not have been accepted
 */
export type Outcome = 'accepted' | 'rejected' | 'unknown';

/** An {@link Outcome} of something that failed; `not_attempted` means that no byte of the message was sent. */
export type FailureOutcome = Exclude<Outcome, 'accepted'> | 'not_attempted';

/** One HTTP attempt in receipts, errors and events. */
export interface Attempt {
  /** The outcome that this attempt alone proves. */
  readonly outcome: Outcome | 'not_attempted';
  /** How far the attempt got. */
  readonly phase: AttemptPhase;
  /** When the attempt began, as an ISO 8601 time of this machine's clock. */
  readonly startedAt: string;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
  /** The response's HTTP status, where one arrived. */
  readonly httpStatus?: number | undefined;
  /** The vendor's ID of the request, for questions to the vendor. */
  readonly requestId?: string | undefined;
  /** Whether the service refused because the quota was used up. */
  readonly throttled?: true | undefined;
  /**
   * Why the attempt was not accepted:
   *
   * - the vendor's error code, or `WithheldCode` for a code that may repeat a part of the request
   * - Node's code, such as `ECONNREFUSED`
   * - `TIMEOUT`, `ABORTED`, `NO_CREDENTIALS`, `UnreadableResponse`, `RESPONSE_TOO_LARGE`, `SWITCHED_PROTOCOLS`
   * - `PROXY_REFUSED`: a proxy refused the tunnel to the service
   * - `NOT_ENCRYPTED`: an agent returned a plain connection for `https:`
   * - `UNASKED_ANSWER`: an answer arrived before the request was sent
   * - `PERMIT_EXPIRED`: the permit of a shared quota expired
   * - `REQUEST_FAILED` with the kind of an unexpected error: `REQUEST_FAILED (TypeError)`
   */
  readonly failure?: string | undefined;
}
