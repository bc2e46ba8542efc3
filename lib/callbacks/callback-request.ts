import type { IncomingMessage } from 'node:http';
import { isUint8Array } from 'node:util/types';
import { readProperties } from '../options/read-properties.js';

const MAX_BYTES = 262_144;

/** A request whose body an app's own parser may have read. */
export interface CallbackRequest extends IncomingMessage {
  readonly body?: unknown;
  /** The bytes, with Nest's `rawBody: true`. */
  readonly rawBody?: unknown;
}

/** What a request says, of any types. */
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

/**
 * Reads a body as a JSON object, whatever its content type: the service sends some without one.
 * @throws Refusal
 */
export async function readFields(request: CallbackRequest): Promise<Fields> {
  const { body, rawBody } = request;
  // Where it has ended, an app's own parser has read it.
  const read = request.readableEnded ? [rawBody, body] : [await readBytes(request)];
  const content = read.find((one) => typeof one === 'string' || isUint8Array(one));
  if (content !== undefined && Buffer.byteLength(content) > MAX_BYTES) throw tooLarge();
  const fields = content === undefined ? body : parseJson(Buffer.from(content as Uint8Array).toString());
  if (typeof fields !== 'object' || fields === null) throw new Refusal(400, 'it is no JSON object');
  return readProperties(fields, []) ?? {};
}

/** @throws Refusal */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refusal(400, 'it is no JSON');
  }
}

async function readBytes(request: CallbackRequest): Promise<Uint8Array> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // What is too much is read all the same: to stop would cut the connection, and so the answer.
    if (size <= MAX_BYTES) chunks.push(chunk);
    // A chunk of one byte takes up some hundred.
    if (chunks.length > 1_000) chunks.splice(0, chunks.length, Buffer.concat(chunks));
  }
  if (size > MAX_BYTES) throw tooLarge();
  return Buffer.concat(chunks);
}

function tooLarge(): Refusal {
  return new Refusal(413, `it has more than ${MAX_BYTES} bytes`);
}
