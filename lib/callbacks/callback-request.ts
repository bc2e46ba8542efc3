import type { IncomingMessage } from 'node:http';
import { isUint8Array } from 'node:util/types';
import { HttpException } from '@nestjs/common';

const MAX_BYTES = 262_144;
/** How long a body may take to arrive, in milliseconds. The service sends it at once. */
const ARRIVAL_LIMIT_MS = 5_000;
/** How many bodies may be on their way at once. They take up 32 MB at most. */
const MAX_UNFINISHED = 128;
/** Requests whose bodies are on their way, oldest first: those of all modules, since the memory is one. */
const unfinished = new Set<IncomingMessage>();

/** A request whose body an app's own parser may have read. */
export type CallbackRequest = IncomingMessage & { readonly body?: unknown };

/** What a request says, of any types. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Ends a request. The sender is told the status alone, and the operator the reason: one of few, of our own words.
 * @throws HttpException
 */
export function refuse(status: number, reason: string): never {
  throw new HttpException(reason, status);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a body as a JSON object, whatever its content type: the service sends some without one.
 * @throws HttpException
 */
export async function readFields(request: CallbackRequest): Promise<Fields> {
  // Where it has ended, an app's own parser has read it.
  const body = request.readableEnded ? request.body : await readBytes(request);
  const fields = typeof body === 'string' || isUint8Array(body) ? parse(body) : body;
  if (typeof fields !== 'object' || fields === null) refuse(400, 'it is no JSON object');
  return fields as Fields;
}

/** The sender is not known yet: the body must neither stay nor fill the memory. */
async function readBytes(request: IncomingMessage): Promise<Uint8Array> {
  const timer = setTimeout(() => request.destroy(), ARRIVAL_LIMIT_MS);
  unfinished.add(request);
  request.on('close', () => {
    clearTimeout(timer);
    unfinished.delete(request);
  });
  const [oldest] = unfinished.size > MAX_UNFINISHED ? unfinished : [];
  // Its end is told later, and others may begin before.
  if (oldest !== undefined) unfinished.delete(oldest.destroy());
  // One piece, since a chunk of one byte would take up some hundred.
  const limit = Math.min(Number(request.headers['content-length'] ?? MAX_BYTES), MAX_BYTES);
  const bytes = Buffer.allocUnsafe(limit);
  let size = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > limit) break;
      chunk.copy(bytes, size - chunk.length);
    }
  } catch {
    refuse(400, 'its body broke off, or took too long');
  }
  if (size <= limit) return bytes.subarray(0, size);
  // The rest is read and forgotten for as long as it may take: to stop would cut off the answer.
  request.resume();
  refuse(413, `it has more than ${MAX_BYTES} bytes`);
}

/** @throws HttpException */
function parse(body: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : utf8.decode(body)) as unknown;
  } catch {
    refuse(400, 'it is no JSON in UTF-8');
  }
}
