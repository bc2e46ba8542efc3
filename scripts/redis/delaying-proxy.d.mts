/** A server that is as far away as one likes. */
export interface DelayingProxy {
  readonly port: number;
  /** Ends the connections through it, with whatever is under way; new ones are taken. */
  cut(): void;
  /** Ends it, and the connections through it. */
  close(): void;
}

/** Passes connections on to a port of this machine, each byte so many milliseconds later in either direction. */
export function startDelayingProxy(target: number, delayMs: number): Promise<DelayingProxy>;
