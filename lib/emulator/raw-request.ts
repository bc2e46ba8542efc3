import type { IncomingMessage } from 'node:http';
import type { NameValue } from '../openapi/signature-v4.js';

/** A request as it came over the wire, before anything is believed. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  /** Decoded, in the order in which they came. */
  readonly query: readonly NameValue[];
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** @throws BodyTooLargeError beyond `maxBytes` */
export async function readRawRequest(request: IncomingMessage, maxBytes: number): Promise<RawRequest> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new BodyTooLargeError();
    chunks.push(chunk);
  }
  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s, 2);
  return {
    method: request.method ?? 'GET',
    path,
    query: [...new URLSearchParams(query)],
    headers: readHeaders(request.rawHeaders),
    body: Buffer.concat(chunks, length),
  };
}

export class BodyTooLargeError extends Error {}

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
