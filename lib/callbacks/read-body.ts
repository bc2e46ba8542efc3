import type { IncomingMessage } from 'node:http';
import { isUint8Array } from 'node:util/types';
import { Refusal } from './answer.js';
import { parseJson } from './read-event.js';

const MAX_BYTES = 262_144;

/** A request whose body an app's own parser may have read. */
export interface MaybeParsed extends IncomingMessage {
  readonly body?: unknown;
  /** The bytes, with Nest's `rawBody: true`. */
  readonly rawBody?: unknown;
}

/**
 * Reads a body as JSON, whatever its content type: the service sends some without one.
 * @throws Refusal
 */
export async function readBody(request: MaybeParsed): Promise<unknown> {
  if (!request.readableEnded) return parseJson((await readBytes(request)).toString());
  const { rawBody, body } = request;
  const text = [rawBody, body].find((read) => isUint8Array(read) || typeof read === 'string');
  if (text === undefined) return body;
  if (Buffer.byteLength(text) > MAX_BYTES) throw tooLarge();
  return parseJson(Buffer.from(text as Uint8Array).toString());
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) throw tooLarge();
  return await new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BYTES) chunks.push(chunk);
      else reject(tooLarge());
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
    request.on('close', () => reject(new Refusal(400, 'it ended early')));
  });
}

function tooLarge(): Refusal {
  return new Refusal(413, `it has more than ${MAX_BYTES} bytes`);
}
