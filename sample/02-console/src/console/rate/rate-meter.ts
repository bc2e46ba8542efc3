/** One moment of the chart: requests of the second before it, and how many of them were refused. */
export type RatePoint = readonly [at: number, requests: number, refused: number];

const BUCKET_MS = 100;
const BUCKETS_A_SECOND = 1_000 / BUCKET_MS;
const STEP_MS = 500;
/** How far back the chart looks. */
export const SPAN_MS = 60_000;
/** The chart's span, the second before its first point, and what has begun since its last one. */
const KEPT_BUCKETS = (SPAN_MS + 1_000 + STEP_MS) / BUCKET_MS + 1;

interface Bucket {
  /** Which tenth of a second it counts, since 1970. */
  index: number;
  requests: number;
  refused: number;
}

/**
 * Counts requests by the tenth of a second in which they began. Each tenth takes the place of the one that the chart
 * no longer shows, so that it stays as small as it is, whether anyone looks or not.
 */
export class RateMeter {
  readonly #ring: Bucket[] = Array.from({ length: KEPT_BUCKETS }, () => ({
    index: 0,
    requests: 0,
    refused: 0,
  }));

  /** @param now milliseconds since 1970 */
  constructor(private readonly now: () => number = Date.now) {}

  add(startedAt: number, refused: boolean): void {
    const index = Math.floor(startedAt / BUCKET_MS);
    const bucket = this.#place(index);
    // What began too long ago would take the place of what is still shown.
    if (bucket === undefined || Math.floor(this.now() / BUCKET_MS) - index >= KEPT_BUCKETS) return;
    if (bucket.index !== index) Object.assign(bucket, { index, requests: 0, refused: 0 });
    bucket.requests += 1;
    if (refused) bucket.refused += 1;
  }

  /** The last minute, oldest first, in steps of half a second. */
  series(): RatePoint[] {
    const end = Math.floor(this.now() / STEP_MS) * STEP_MS;
    const points: RatePoint[] = [];
    for (let at = end - SPAN_MS; at <= end; at += STEP_MS) points.push(this.#secondBefore(at));
    return points;
  }

  #secondBefore(at: number): RatePoint {
    let requests = 0;
    let refused = 0;
    const last = at / BUCKET_MS;
    for (let index = last - BUCKETS_A_SECOND; index < last; index++) {
      const bucket = this.#place(index);
      if (bucket?.index !== index) continue;
      requests += bucket.requests;
      refused += bucket.refused;
    }
    return [at, requests, refused];
  }

  #place(index: number): Bucket | undefined {
    return this.#ring[index % KEPT_BUCKETS];
  }
}
