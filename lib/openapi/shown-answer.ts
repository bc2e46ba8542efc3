import { isReservedName } from './api-request.js';
import { isPublishedErrorCode, PUBLISHED_ERRORS } from './published-errors.js';

/** Stands for a request ID of an unknown form. */
export const WITHHELD_ID = '(withheld)';

/** Contents of a request that errors and logs must not show. */
export interface SentSecrets {
  readonly url: string;
  readonly body: Buffer;
  readonly authorization: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Words of letters joined by dots, like the published codes. */
const FORM = /^[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)*$/;
/** Shorter runs of letters occur in any text by chance. */
const RUN_OF_LETTERS = 4;
/** Two random texts do not share a run of this length. */
const RUN = 8;

/** `IllegalTo` is made of `illegal` and `to`. */
function wordsOf(code: string): string[] {
  return (code.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase());
}

let words: ReadonlySet<string> | undefined;

/**
 * Words of the published codes and the parts between their dots. They reveal nothing, whichever code has them. The set
 * is made for the first unpublished code, so that an import does not wait for it.
 */
function vocabulary(): ReadonlySet<string> {
  words ??= new Set(
    Object.keys(PUBLISHED_ERRORS).flatMap((code) => [...wordsOf(code), ...code.toLowerCase().split('.')]),
  );
  return words;
}

/**
 * Whether a code may be shown. Anyone on the way may have answered, and errors and logs must not show a message or a
 * key, however the answer disguises it. Published codes are always shown. Another code is shown only if it has their
 * form, and its unpublished words have no run of letters in common with the request, whatever stands between them.
 */
export function mayShowCode(code: string, sent: SentSecrets): boolean {
  if (isPublishedErrorCode(code)) return true;
  if (!FORM.test(code)) return false;
  const known = vocabulary();
  const own = wordsOf(code).filter((word) => !known.has(word));
  const parts = code.toLowerCase().split('.');
  const unpublished = parts.filter((part) => part.length >= RUN_OF_LETTERS && !known.has(part));
  return textsOf(sent).every((text) => {
    const letters = text.toLowerCase().replaceAll(/[^a-z]/g, '');
    return (
      !hasCommonRun(own.join(''), letters, RUN_OF_LETTERS) &&
      !unpublished.some((part) => letters.includes(part))
    );
  });
}

/**
 * Whether a request ID holds a part of a signature or a key. A part of a message can't be recognised among an ID's own
 * digits.
 */
export function holdsSecret(
  requestId: string,
  { authorization, secretAccessKey, sessionToken = '' }: SentSecrets,
): boolean {
  const signature = authorization.slice(authorization.indexOf('Signature='));
  const secrets = [signature, secretAccessKey, sessionToken].join('\n').toLowerCase();
  return hasCommonRun(requestId.toLowerCase(), secrets, RUN);
}

function hasCommonRun(one: string, other: string, length: number): boolean {
  // A common run contains one of the pieces of half its length. That is rare.
  let isPossible = false;
  for (let start = 0; start + length / 2 <= one.length && !isPossible; start += length / 2) {
    isPossible = other.includes(one.slice(start, start + length / 2));
  }
  if (!isPossible) return false;
  for (let start = 0; start + length <= one.length; start++) {
    if (other.includes(one.slice(start, start + length))) return true;
  }
  return false;
}

/** All values of the request but the app and the sender, which are no secrets. Of base64, the decoded text too. */
function textsOf({ url, body, secretAccessKey, sessionToken = '' }: SentSecrets): string[] {
  const texts = [...new URL(url).searchParams].flatMap(([name, value]) =>
    isReservedName(name) ? [] : value,
  );
  const values: unknown[] = [fieldsOf(body)];
  for (const value of values) {
    if (typeof value === 'string') texts.push(value);
    else if (typeof value === 'object' && value !== null)
      for (const one of Object.values(value)) values.push(one);
  }
  const decoded = texts
    .filter((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text))
    .map((text) => Buffer.from(text, 'base64').toString('latin1').replaceAll('\0', ''));
  return [...texts, ...decoded, secretAccessKey, sessionToken];
}

function fieldsOf(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    const { AppId: _app, From: _from, ...fields } = JSON.parse(text) as Record<string, unknown>;
    return fields;
  } catch {
    // An interceptor may send anything.
    return text;
  }
}
