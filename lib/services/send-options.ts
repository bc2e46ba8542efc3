/** How one call differs from the module's settings. */
export interface SendOptions {
  /** Gives the call up. The error's outcome tells whether the message may have been accepted by then. */
  readonly signal?: AbortSignal;
  /** How long one attempt may take, in milliseconds. Default: the module's `timeoutMs`. */
  readonly timeoutMs?: number;
}
