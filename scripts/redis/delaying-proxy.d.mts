/** A server that is as far away as one likes. */
export interface DelayingProxy {
  readonly port: number;
  /** Ends it, and the connections through it. */
  close(): void;
}

/**
 * Passes connections on to a port of this machine, each byte so many milliseconds later in either direction. No
 * more bytes than a network would hold wait: there is no limit to their number.
 */
export function startDelayingProxy(target: number, delayMs: number): Promise<DelayingProxy>;
