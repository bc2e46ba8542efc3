import type { IncomingMessage } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HttpError } from './http-error.js';
import type { InFlight } from './in-flight.js';

let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Waits for a turn of the event loop of its own. Node accepts one connection in a turn. If all requests that have come
 * were answered in one, new connections would wait for many times as long, and their requests time out.
 */
function ownTurn(): Promise<unknown> {
  lastTurn = lastTurn.then(() => nextTurn());
  return lastTurn;
}

/**
 * @param uploads all bodies that are being read
 * @throws HttpError beyond `maxBytes`, or if it is given up or breaks off
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  uploads: InFlight,
): Promise<Buffer> {
  // Made when it is needed: an error's stack takes as long as the rest of this.
  const tooLarge = (): HttpError => new HttpError(413, `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  return new Promise<Buffer>((resolve, reject) => {
    // One memory for all chunks: one of a byte would take up a few hundred by itself.
    let memory = Buffer.allocUnsafeSlow(0);
    let length = 0;
    const upload = uploads.begin(() =>
      end(new HttpError(503, 'Too many bodies are under way, and this one took the longest.')),
    );
    const breakOff = (): void => end(new HttpError(408, 'The body broke off.'));
    const end = (error?: HttpError): void => {
      uploads.end(upload);
      request.off('data', take).off('close', breakOff);
      if (error !== undefined) reject(error);
      // Of its own memory: a part of a larger one would keep all of that.
      else resolve(memory.length === length ? memory : Buffer.from(memory.buffer.slice(0, length)));
      memory = Buffer.allocUnsafeSlow(0);
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
        uploads.grow(upload, larger.length - memory.length);
        memory = larger;
      }
      chunk.copy(memory, length);
      length = needed;
    };
    request
      .on('data', take)
      .once('close', breakOff)
      .once('end', () => {
        request.off('close', breakOff);
        // Its bytes count until then.
        void ownTurn().then(() => end());
      });
  });
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
