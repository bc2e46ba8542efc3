import { type CredentialScope, scopeText, toXDate } from './signature-v4.js';

/** What all signatures of one second have in common. */
export interface SigningStamp {
  readonly xDate: string;
  readonly scope: CredentialScope;
  /** The scope as it is written. */
  readonly scopeText: string;
}

/** Keeps the last second's stamp: written anew for each request it would cost as much as the HMAC. */
export class SigningStamps {
  #second = Number.NaN;
  #stamp: SigningStamp | undefined;

  constructor(
    private readonly region: string,
    private readonly service: string,
  ) {}

  /** @param time milliseconds since the epoch */
  at(time: number): SigningStamp {
    const second = Math.floor(time / 1_000);
    if (this.#stamp === undefined || second !== this.#second) {
      const xDate = toXDate(new Date(time));
      const scope = { date: xDate.slice(0, 8), region: this.region, service: this.service };
      this.#stamp = { xDate, scope, scopeText: scopeText(scope) };
      this.#second = second;
    }
    return this.#stamp;
  }
}
