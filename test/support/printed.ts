import { ConsoleLogger } from '@nestjs/common';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { inspect } from 'node:util';

export const SECRET = 'CANARY-secret-key';
export const TOKEN = 'CANARY-session-token';
export const TEXT = 'CANARY-message-text';
export const CREDENTIALS = { accessKeyId: 'access-key', secretAccessKey: SECRET, sessionToken: TOKEN };

/** What nothing that is printed may hold. */
export const LEAKS = /CANARY|Signature=|SignedHeaders|HMAC-SHA256|\bauthorization\b/i;

/** Every way in which someone may print a thing. */
export async function printed(value: unknown): Promise<string> {
  let text = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const console = new Console(sink, sink);
  console.error(value);
  console.dir(value, { depth: null, showHidden: true });
  const logger = new (class extends ConsoleLogger {
    protected override printMessages(messages: unknown[]): void {
      text += messages.map((message) => inspect(message, { depth: null })).join('\n');
    }
  })();
  logger.error(value);
  text += inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: false });
  text += JSON.stringify(value);
  text += String(value);
  if (value instanceof Error) text += value.stack;
  for (const bytes of bytesIn(value)) text += bytes.toString();
  return text;
}

/** Bytes print as numbers; they are looked for by themselves, however deep they lie. */
function bytesIn(value: unknown, seen = new Set<unknown>()): Buffer[] {
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength)];
  return Reflect.ownKeys(value).flatMap((key) => {
    const { value: held } = Object.getOwnPropertyDescriptor(value, key) ?? {};
    return bytesIn(held, seen);
  });
}
