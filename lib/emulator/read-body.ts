import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HttpError } from './http-error.js';

/** Of so many chunks, one is made: each takes up a few hundred bytes by itself, be it of a single byte. */
const MAX_CHUNKS = 1_000;

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Waits for a turn of the event loop of its own. Node accepts one connection in a turn. If all requests that have come
 * were answered in one, new connections would wait for many times as long, and their requests time out.
 */
function ownTurn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => nextTurn());
  return lastTurn;
}

/** @throws HttpError beyond `maxBytes`, or if it breaks off */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  let chunks: Buffer[] = [];
  let length = 0;
  // Made when it is needed: an error's stack takes as long as the rest of this.
  const tooLarge = (): HttpError => new HttpError(413, `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  try {
    // What is too long is answered, though it is not read to its end.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge();
      chunks.push(chunk);
      if (chunks.length === MAX_CHUNKS) chunks = [Buffer.concat(chunks)];
    }
  } catch (error) {
    throw error instanceof HttpError ? error : new HttpError(408, 'The body broke off.');
  }
  await ownTurn();
  return Buffer.concat(chunks);
}

/**
 * A body, or a frame, that has to be a JSON object. What was sent is in no error: it may be a private key.
 * @throws TypeError for anything else
 */
export function readObject(body: Buffer): Record<string, unknown> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    // Node's own words quote it.
  }
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('The body must be a JSON object.');
  return parsed as Record<string, unknown>;
}
