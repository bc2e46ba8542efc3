import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HttpError, refusalOf } from './http-error.js';

/** The largest legal request is about a tenth of this. */
const MAX_BODY_BYTES = 1_048_576;
/** Of so many chunks, one is made: each takes up a few hundred bytes by itself, be it of a single byte. */
const MAX_CHUNKS = 1_000;

let lastTurn: Promise<unknown> = Promise.resolve();

/** @throws HttpError for a body of more than 1 MB, or if it breaks off */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  let chunks: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (chunks.length === MAX_CHUNKS) chunks = [Buffer.concat(chunks)];
      if (length <= MAX_BODY_BYTES) return;
      // It is answered, though it is not read to its end.
      chunks = [];
      reject(new HttpError(413, `The body is larger than ${MAX_BODY_BYTES} bytes.`));
    });
    request.on('end', resolve);
    request.on('close', () => {
      if (!request.readableEnded) reject(new HttpError(408, 'The body broke off.'));
    });
  });
  // Each in a turn of the event loop of its own. Node accepts one connection in a turn: if all requests that have come
  // were answered in one, new connections would wait for many times as long, and their requests time out.
  await (lastTurn = lastTurn.then(() => nextTurn()));
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

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Answers with the response's status, and a text that is JSON unless the headers say otherwise. */
export function sendText(response: ServerResponse, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(response.statusCode, {
    'Content-Type': JSON_TYPE,
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

/** Says why a request is not served. The connection ends here, since the request may not have been read. */
export function sendError(response: ServerResponse, error: unknown): void {
  const { httpStatus, reason } = refusalOf(error);
  response.statusCode = httpStatus;
  sendText(response, `${JSON.stringify({ error: reason })}\n`, { Connection: 'close' });
  response.req.resume();
}
