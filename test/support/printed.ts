import { ConsoleLogger } from '@nestjs/common';
import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { inspect, types } from 'node:util';

export const SECRET = 'CANARY-secret-key';
export const TOKEN = 'CANARY-session-token';
export const TEXT = 'CANARY-message-text';
export const CREDENTIALS = { accessKeyId: 'access-key', secretAccessKey: SECRET, sessionToken: TOKEN };

/** What nothing that is printed may hold. */
export const LEAKS = /CANARY|Signature=|SignedHeaders|HMAC-SHA256|\bauthorization\b/i;

/** Every way in which someone may print a thing, and all that can be reached from it by properties. */
export async function printed(value: unknown): Promise<string> {
  const parts: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      parts.push(String(chunk));
      done();
    },
  });
  const console = new Console(sink, sink);
  console.error(value);
  console.dir(value, { depth: null, showHidden: true });
  const logger = new (class extends ConsoleLogger {
    protected override printMessages(messages: unknown[]): void {
      parts.push(...messages.map((message) => inspect(message, { depth: null })));
    }
  })();
  logger.error(value);
  for (const customInspect of [true, false]) {
    parts.push(attempt(() => inspect(value, { ...WHOLE, customInspect })));
  }
  parts.push(
    attempt(() => JSON.stringify(value)),
    attempt(() => String(value)),
  );
  if (typeof value === 'object' && value !== null) {
    // Without the object's own ways to print itself.
    parts.push(attempt(() => JSON.stringify({ ...value })));
    parts.push(attempt(() => inspect(structuredClone(value), WHOLE)));
  }
  parts.push(...textsIn(value));
  return parts.join('\n');
}

/** Where a thing leaks what it must not hold, with what stands around it. */
export async function leaksIn(value: unknown, secret = LEAKS): Promise<string[]> {
  const text = await printed(value);
  return text.match(new RegExp(`.{0,60}(?:${secret.source}).{0,20}`, 'gi')) ?? [];
}

const WHOLE = {
  depth: Number.POSITIVE_INFINITY,
  showHidden: true,
  getters: true,
  showProxy: true,
  maxArrayLength: Number.POSITIVE_INFINITY,
  maxStringLength: Number.POSITIVE_INFINITY,
};

/** Circles and functions stop some ways of printing, which then show nothing. */
function attempt(print: () => unknown): string {
  try {
    return String(print());
  } catch (error) {
    return String(error);
  }
}

/**
 * Every text and every byte that a property leads to: of any name, hidden or not, of the object or of its
 * prototypes, a getter's too, and what is in maps and sets.
 */
function textsIn(root: unknown): Set<string> {
  const { isMap, isSet } = types;
  const texts = new Set<string>();
  const seen = new Set<unknown>();
  const waiting = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value === 'string') texts.add(value);
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) continue;
    if (seen.has(value)) continue;
    seen.add(value);
    if (ArrayBuffer.isView(value)) {
      texts.add(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString());
      continue;
    }
    if (isMap(value) || isSet(value)) waiting.push(...[...value.entries()].flat());
    for (let owner: object | null = value; owner !== null; owner = Object.getPrototypeOf(owner)) {
      for (const key of Reflect.ownKeys(owner)) {
        texts.add(String(key));
        try {
          // By the object itself, so that a prototype's getter reads it.
          waiting.push(Reflect.get(owner, key, value));
        } catch {
          // A getter that is not for this object.
        }
      }
    }
  }
  return texts;
}
