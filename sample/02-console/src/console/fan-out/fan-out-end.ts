import type { FanOutReport } from 'nestjs-rtc-messaging';

/** How a fan-out ended: with a report, an error of the library's, or not at all. */
export type FanOutEnd =
  | { readonly report: FanOutSummary }
  | { readonly error: object }
  | { readonly refused: 'busy' | 'unconfirmed' };

/** A report without what may be long. */
export interface FanOutSummary extends Pick<
  FanOutReport,
  'id' | 'status' | 'counts' | 'presence' | 'elapsedMs' | 'requests' | 'throttled'
> {
  readonly stop?: string;
  /** The first of the errors that chunks ended in. */
  readonly error?: object;
}

export function summarize(report: FanOutReport): FanOutSummary {
  const { id, status, counts, presence, elapsedMs, requests, throttled, stop, chunks } = report;
  const error = chunks.find((chunk) => chunk.error !== undefined)?.error;
  return {
    id,
    status,
    counts,
    elapsedMs,
    requests,
    throttled,
    ...(presence !== undefined && { presence }),
    ...(stop !== undefined && { stop: stop.reason }),
    ...(error !== undefined && { error: error.toJSON() }),
  };
}
