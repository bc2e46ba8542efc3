import type { LimiterTime } from '../../lib/quota/rate-limiter.js';

/** Time that goes by only when it is waited for. */
export class VirtualTime implements LimiterTime {
  ms = 0;
  readonly #waiting: { at: number; wake: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  after(ms: number, wake: () => void): () => void {
    if (!(ms < 2 ** 31)) throw new RangeError(`Node would wake at once, and not after ${ms} ms`);
    const waiting = { at: this.ms + ms, wake };
    this.#waiting.push(waiting);
    this.#waiting.sort((a, b) => a.at - b.at);
    return () => {
      const index = this.#waiting.indexOf(waiting);
      if (index >= 0) this.#waiting.splice(index, 1);
    };
  }

  /** Lets time go by, waking whoever waits in it. */
  async pass(ms: number): Promise<void> {
    const end = this.ms + ms;
    for (let next = this.#waiting[0]; next !== undefined && next.at <= end; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.ms = Math.max(this.ms, next.at);
      next.wake();
      await new Promise(setImmediate);
    }
    // A process that stood still may be beyond it already.
    this.ms = Math.max(this.ms, end);
  }
}
