/** Samples that are looked at: clocks drift by less than a tenth of a millisecond over so many. */
const SAMPLES = 16;

interface Sample {
  /** The least and the most by which this process's clock may be ahead. */
  readonly least: number;
  readonly most: number;
}

/**
 * How far this process's monotonic clock is ahead of Redis's, in milliseconds. Redis told its time somewhere
 * between question and answer; what all of the last answers allow is exact to the fastest of them, however long
 * the others took.
 */
export class ServerOffset {
  readonly #samples: Sample[] = [];
  #least = 0;
  #most = 0;

  get isKnown(): boolean {
    return this.#samples.length > 0;
  }

  /** How much two processes may differ in what they take for the same moment. */
  get uncertaintyMs(): number {
    return this.#most - this.#least;
  }

  observe(askedAt: number, serverNow: number, answeredAt: number): void {
    this.#samples.push({ least: askedAt - serverNow, most: answeredAt - serverNow });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    this.#least = Math.max(...this.#samples.map(({ least }) => least));
    this.#most = Math.min(...this.#samples.map(({ most }) => most));
    if (this.#least <= this.#most) return;
    // Redis's clock was set, or it is another Redis: only the last answer is of the clock as it is now.
    this.#samples.splice(0, this.#samples.length - 1);
    this.#least = askedAt - serverNow;
    this.#most = answeredAt - serverNow;
  }

  /** Late rather than early. */
  toLocal(serverTime: number): number {
    return serverTime + this.#most;
  }

  toServer(localTime: number): number {
    return localTime - this.#least;
  }
}
