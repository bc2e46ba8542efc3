import type { FaultKind } from './fault.js';

/** A request that came to the API, whatever became of it. */
export interface RecordedRequest {
  /** The ID that the answer named. */
  readonly requestId: string;
  /** When it came, by the emulator's clock. */
  readonly at: Date;
  /** The HTTP method. */
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent, and empty where it was not read. */
  readonly body: Buffer;
  /** Whether the message was accepted, whatever the answer said. */
  readonly outcome: 'accepted' | 'refused';
  /** Undefined where a fault took the answer away. */
  readonly httpStatus?: number;
  /** Why it was refused. */
  readonly apiCode?: string;
  /** What went wrong with it on purpose. */
  readonly fault?: FaultKind;
}
