import type { IncomingMessage } from 'node:http';
import type { NameValue } from '../openapi/signature-v4.js';
import { InFlight } from './in-flight.js';

/** What comes before a request's body, before anything is believed. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Decoded, in the order in which they came. */
  readonly query: readonly NameValue[];
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** A request as it came over the wire. */
export interface RawRequest extends RequestHead {
  readonly body: Buffer;
}

/** A body that can't be read to its end. */
export class UnreadBodyError extends Error {
  constructor(
    readonly httpStatus: 408 | 413 | 503,
    message: string,
  ) {
    super(message);
  }
}

/** Bodies that are being read, of all connections together. */
const MAX_BYTES_AT_ONCE = 33_554_432;

/** Reads requests, and no more at a time than there is room for. */
export class RequestReader {
  readonly #uploads = new InFlight(MAX_BYTES_AT_ONCE);
  #givenUp = 0;

  /** How many were given up because others came. */
  get givenUp(): number {
    return this.#givenUp;
  }

  /** @throws UnreadBodyError beyond `maxBytes`, or if it is given up or breaks off */
  async read(request: IncomingMessage, maxBytes: number): Promise<RawRequest> {
    const body = await this.#readBody(request, maxBytes);
    return { ...readHead(request), body };
  }

  async #readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
    // Made when it is needed: an error's stack takes as long as the rest of this.
    const tooLarge = (): UnreadBodyError =>
      new UnreadBodyError(413, `The body is larger than ${maxBytes} bytes.`);
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
    return new Promise<Buffer>((resolve, reject) => {
      // One memory for all chunks: one of a byte would take up a few hundred by itself.
      let memory = Buffer.alloc(0);
      let length = 0;
      const upload = this.#uploads.begin(() => {
        this.#givenUp += 1;
        end(new UnreadBodyError(503, 'Too many bodies are under way, and this one took the longest.'));
      });
      const breakOff = (): void => end(new UnreadBodyError(408, 'The body broke off.'));
      const end = (error: UnreadBodyError): void => {
        this.#uploads.end(upload);
        request.removeListener('data', take).removeListener('close', breakOff);
        memory = Buffer.alloc(0);
        reject(error);
      };
      const take = (chunk: Buffer): void => {
        const needed = length + chunk.length;
        if (needed > maxBytes) {
          end(tooLarge());
          return;
        }
        if (needed > memory.length) {
          const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(memory.length * 2, maxBytes)));
          memory.copy(larger, 0, 0, length);
          this.#uploads.grow(upload, larger.length - memory.length);
          memory = larger;
        }
        chunk.copy(memory, length);
        length = needed;
      };
      request.on('data', take);
      request.once('close', breakOff);
      request.once('end', () => {
        request.removeListener('close', breakOff);
        this.#uploads.end(upload);
        // Of its own memory: a part of a larger one would keep all of that.
        resolve(
          memory.length === length ? memory : Buffer.from(new Uint8Array(memory.subarray(0, length)).buffer),
        );
        memory = Buffer.alloc(0);
      });
    });
  }
}

export function readHead({ method = 'GET', url = '/', rawHeaders }: IncomingMessage): RequestHead {
  const [path = '/', query = ''] = url.split(/\?(.*)/s, 2);
  return { method, path, query: [...new URLSearchParams(query)], headers: readHeaders(rawHeaders) };
}

function readHeaders(rawHeaders: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    const value = rawHeaders[index + 1] ?? '';
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return headers;
}
