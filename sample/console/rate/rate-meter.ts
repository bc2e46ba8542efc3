/** One moment of the chart: requests of the second before it, and how many of them were refused. */
export type RatePoint = readonly [at: number, requests: number, refused: number];

const BUCKET_MS = 100;
const BUCKETS_A_SECOND = 1_000 / BUCKET_MS;
const STEP_MS = 500;
/** How far back the chart looks. */
export const SPAN_MS = 60_000;

/** Counts requests by the tenth of a second in which they began. */
export class RateMeter {
  readonly #buckets = new Map<number, { requests: number; refused: number }>();

  /** @param now milliseconds since 1970 */
  constructor(private readonly now: () => number = Date.now) {}

  add(startedAt: number, refused: boolean): void {
    const index = Math.floor(startedAt / BUCKET_MS);
    const bucket = this.#buckets.get(index) ?? { requests: 0, refused: 0 };
    bucket.requests += 1;
    if (refused) bucket.refused += 1;
    this.#buckets.set(index, bucket);
  }

  /** The last minute, oldest first, in steps of half a second. */
  series(): RatePoint[] {
    const end = Math.floor(this.now() / STEP_MS) * STEP_MS;
    this.#forgetBefore(end - SPAN_MS - 1_000);
    const points: RatePoint[] = [];
    for (let at = end - SPAN_MS; at <= end; at += STEP_MS) points.push(this.#secondBefore(at));
    return points;
  }

  #secondBefore(at: number): RatePoint {
    let requests = 0;
    let refused = 0;
    const last = at / BUCKET_MS;
    for (let index = last - BUCKETS_A_SECOND; index < last; index++) {
      const bucket = this.#buckets.get(index);
      if (bucket === undefined) continue;
      requests += bucket.requests;
      refused += bucket.refused;
    }
    return [at, requests, refused];
  }

  #forgetBefore(time: number): void {
    for (const index of this.#buckets.keys()) {
      if (index * BUCKET_MS < time) this.#buckets.delete(index);
    }
  }
}
