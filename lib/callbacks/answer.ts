/** What a request is answered with. */
export interface Answer {
  readonly status: number;
  readonly body?: string | Uint8Array;
}

/** Ends a request. The caller is told the status alone, and the operator why. */
export class Refusal extends Error {
  /** @param reason one of few, for the log: it holds nothing of the request */
  constructor(
    readonly status: number,
    readonly reason: string,
  ) {
    super(reason);
    this.name = 'Refusal';
  }
}
