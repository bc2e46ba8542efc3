/** Samples that are looked at. */
const SAMPLES = 16;
/** What clocks may drift by, when one of them is being corrected: so many milliseconds, and so many more a second. */
const DRIFT_MS = 2;
const DRIFT_A_SECOND = 1;

interface Sample {
  readonly at: number;
  /** The least and the most by which this process's clock may be ahead. */
  readonly least: number;
  readonly most: number;
}

/**
 * How far this process's monotonic clock is ahead of Redis's, in milliseconds. Redis told its time somewhere
 * between question and answer; what all of the last answers allow is exact to the fastest of them, however long
 * the others took.
 */
export class ClockSkew {
  #samples: Sample[] = [];
  #least = 0;
  #most = 0;

  get isKnown(): boolean {
    return this.#samples.length > 0;
  }

  /** @returns whether it fits what is known; if not, Redis's clock was set, or it is another Redis */
  record(askedAt: number, serverNow: number, answeredAt: number): boolean {
    const sample = { at: answeredAt, least: askedAt - serverNow, most: answeredAt - serverNow };
    const apart = ({ least, most }: Sample): number => Math.max(least - sample.most, sample.least - most);
    const fits = this.#samples.every(
      (known) => apart(known) <= DRIFT_MS + ((answeredAt - known.at) / 1_000) * DRIFT_A_SECOND,
    );
    // What the last answer does not allow was of the clock as it was before.
    this.#samples = [...this.#samples.filter((known) => fits && apart(known) <= 0), sample].slice(-SAMPLES);
    this.#least = Math.max(...this.#samples.map(({ least }) => least));
    this.#most = Math.min(...this.#samples.map(({ most }) => most));
    return fits;
  }

  /** Late rather than early. */
  toLocal(serverTime: number): number {
    return serverTime + this.#most;
  }

  /** Late rather than early. */
  toServer(localTime: number): number {
    return localTime - this.#least;
  }
}
