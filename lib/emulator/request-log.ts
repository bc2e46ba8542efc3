import type { FaultKind } from './fault.js';

/** A request that came to the API, whatever became of it. */
export interface RecordedRequest {
  readonly requestId: string;
  readonly at: Date;
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly outcome: 'accepted' | 'refused';
  /** Undefined where a fault took the answer away. */
  readonly httpStatus?: number;
  /** Why it was refused. */
  readonly apiCode?: string;
  /** What went wrong with it on purpose. */
  readonly fault?: FaultKind;
}
