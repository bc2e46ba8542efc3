/** Who asks: single sends and fan-outs take turns, so that neither waits for the other's queue. */
export type Priority = 'single' | 'bulk';

/**
 * What became of a permit's request:
 *
 * - `unused`: no byte of it left
 * - `answered`: the service has answered, so that it has counted the request by now
 * - `unanswered`: it left, and nothing proves whether the service has counted it, or will
 */
export type PermitUse = 'unused' | 'answered' | 'unanswered';

/** The right to let one request go. */
export interface Permit {
  /** Whether it may still be used: others may have it by now, if this process stood still. Default: always. */
  isValid?(): boolean;
  /** Gives it back: only the first time counts. */
  giveBack(use: PermitUse): void;
}
