/** Which queue a request waits in. Single sends and fan-outs take turns, so neither waits for all of the other. */
export type Priority = 'single' | 'bulk';

/**
 * How a permit's request ended:
 *
 * - `unused`: no byte of it left this process
 * - `answered`: the service answered, so it has counted the request
 * - `unanswered`: the request left, and the service may have counted it or may still count it
 */
export type PermitUse = 'unused' | 'answered' | 'unanswered';

/** The right to send one request. */
export interface Permit {
  /** Returns the permit. Only the first call counts. */
  giveBack(use: PermitUse): void;
}
