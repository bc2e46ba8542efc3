import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream';
import { isUint8Array } from 'node:util/types';
import { readProperties } from '../options/read-properties.js';

const MAX_BYTES = 262_144;
/** How long a body may take to arrive, in milliseconds. The service sends it at once. */
const ARRIVAL_LIMIT_MS = 5_000;
/** What bodies that have not ended may take up together. */
const MAX_UNFINISHED_BYTES = 33_554_432;
/** A parser makes a body of texts of it, as an event has. */
const FORM = /^(application\/x-www-form-urlencoded|multipart\/)/i;

/** A request whose body an app's own parser may have read. */
export interface CallbackRequest extends IncomingMessage {
  readonly body?: unknown;
  /** The bytes, with Nest's `rawBody: true`. */
  readonly rawBody?: unknown;
}

/** What a request says, of any types. Texts are well-formed. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a request is answered with. Without a body: the status in words. */
export interface Answer {
  readonly status: number;
  readonly body?: string | Uint8Array;
}

/** Ends a request. The sender is told the status alone, and the operator the reason: one of few, of our own words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    reason: string,
  ) {
    super(reason);
  }
}

/** Reads bodies whose sender is not known yet. They must neither stay nor fill the memory. */
export class BodyReader {
  /** Those that have not ended, oldest first. */
  readonly #unfinished = new Set<CallbackRequest>();
  #bytes = 0;

  /**
   * Reads a body as a JSON object, whatever its content type: the service sends some without one.
   * @throws Refusal
   */
  async read(request: CallbackRequest): Promise<Fields> {
    const { body, rawBody, headers } = request;
    // Where it has ended, an app's own parser has read it.
    const read = request.readableEnded ? [rawBody, body] : [await this.#readBytes(request)];
    const content = read.find((one) => typeof one === 'string' || isUint8Array(one));
    const parsed = FORM.test(headers['content-type'] ?? '') ? undefined : body;
    const fields = content === undefined ? parsed : parseBytes(Buffer.from(content as Uint8Array));
    if (typeof fields !== 'object' || fields === null) throw new Refusal(400, 'it is no JSON object');
    const own = readProperties(fields, []) ?? {};
    // UTF-8 has no form for half of a surrogate pair, and so no signature can tell one from another.
    if (Object.values(own).some((value) => typeof value === 'string' && !value.isWellFormed())) {
      throw new Refusal(400, 'a text of it is no Unicode');
    }
    return own;
  }

  /** Cuts the connections of bodies that have not ended. */
  close(): void {
    for (const request of this.#unfinished) request.destroy();
  }

  /** Resolves with a part of what is too large, so that it is refused at once. */
  #readBytes(request: CallbackRequest): Promise<Uint8Array> {
    const timer = setTimeout(() => request.destroy(), ARRIVAL_LIMIT_MS);
    this.#unfinished.add(request);
    let chunks: Uint8Array[] = [];
    let size = 0;
    return new Promise((resolve, reject) => {
      request.on('data', (chunk: Uint8Array) => {
        size += chunk.length;
        this.#bytes += chunk.length;
        chunks.push(chunk);
        // A chunk of one byte takes up some hundred.
        if (chunks.length > 1_000) chunks = [Buffer.concat(chunks)];
        if (size > MAX_BYTES) {
          // The rest is read and forgotten for as long as it may take: to stop would cut off the answer.
          resolve(Buffer.concat(chunks));
          this.#bytes -= size;
          size = 0;
          chunks = [];
        }
        const [oldest] = this.#unfinished;
        if (this.#bytes > MAX_UNFINISHED_BYTES) oldest?.destroy();
      });
      finished(request, { writable: false }, (error) => {
        clearTimeout(timer);
        this.#unfinished.delete(request);
        this.#bytes -= size;
        if (error) reject(new Refusal(400, 'its body broke off, or took too long'));
        else resolve(Buffer.concat(chunks));
      });
    });
  }
}

function parseBytes(bytes: Buffer): unknown {
  if (bytes.length > MAX_BYTES) throw new Refusal(413, `it has more than ${MAX_BYTES} bytes`);
  if (!isUtf8(bytes)) throw new Refusal(400, 'it is no UTF-8');
  return parseJson(bytes.toString());
}

/** @throws Refusal */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refusal(400, 'it is no JSON');
  }
}
