import type { FaultKind } from './fault.js';
import type { Secrets } from './secrets.js';

/** A request that came to the API, whatever became of it. */
export interface RecordedRequest {
  /** The ID that the answer named. */
  readonly requestId: string;
  /** When it came, by the emulator's clock. */
  readonly at: Date;
  /** The HTTP method. */
  readonly method: string;
  /** Path and query, as sent, without secrets. */
  readonly url: string;
  /** Names in lower case; without signature, session token and other secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** As sent, and empty where it was not read. */
  readonly body: Buffer;
  /** Whether the message was accepted, whatever the answer said; `dropped`: it was lost, see `overRoomLimit`. */
  readonly outcome: 'accepted' | 'refused' | 'dropped';
  /** Undefined where a fault took the answer away. */
  readonly httpStatus?: number;
  /** Why it was refused. */
  readonly apiCode?: string;
  /** What went wrong with it on purpose. */
  readonly fault?: FaultKind;
}

/** What a request takes up beside its texts. */
const REQUEST_BYTES = 1_536;
const HEADER_BYTES = 128;

/** The requests that came: beyond so many bytes, the oldest are dropped. */
export class RequestLog {
  readonly requests: RecordedRequest[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(
    private readonly maxBytes: number,
    private readonly secrets: Secrets,
  ) {}

  /** How many are no longer kept. */
  get dropped(): number {
    return this.#dropped;
  }

  add(request: RecordedRequest): void {
    const kept = { ...request, ...this.secrets.withheldFrom(request) };
    this.requests.push(kept);
    this.#bytes += bytesOf(kept);
    if (this.#bytes <= this.maxBytes) return;
    // More than one at a time, since all the others move up.
    let drop = 0;
    for (const oldest of this.requests) {
      if (this.#bytes <= this.maxBytes * 0.9) break;
      this.#bytes -= bytesOf(oldest);
      drop += 1;
    }
    this.requests.splice(0, drop);
    this.#dropped += drop;
  }

  clear(): void {
    this.requests.length = this.#bytes = this.#dropped = 0;
  }
}

function bytesOf({ url, headers, body }: RecordedRequest): number {
  let bytes = REQUEST_BYTES + url.length + body.length;
  for (const [name, value] of Object.entries(headers)) bytes += HEADER_BYTES + name.length + value.length;
  return bytes;
}
