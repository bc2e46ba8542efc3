/**
 * What the emulator could not keep, so that what it tells is not complete: of what `clear()` forgets, since then, and of
 * connections, uploads and clients, since it started.
 */
export interface Dropped {
  /** Requests that are no longer in `requests`. */
  readonly requests: number;
  /** Messages that are no longer in a participant's `received`. */
  readonly received: number;
  /** Users who left, and are forgotten with what they received. */
  readonly participants: number;
  /** Pairs of user and message that `accepted` no longer knows: counts and duplicates of these are too low. */
  readonly accepted: number;
  /** Likewise, of `deliveries`. */
  readonly deliveries: number;
  /** Duplicates that are counted, but no longer listed. */
  readonly duplicates: number;
  /** Connections that were ended or refused, since there were too many, or too many requests waited on them. */
  readonly connections: number;
  /** Bodies that were given up half way, since too many came at once. */
  readonly uploads: number;
  /** Clients over WebSocket that were put out, since they did not read, did not answer or wrote too much. */
  readonly clients: number;
}
