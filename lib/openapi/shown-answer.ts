import { isPublishedErrorCode, PUBLISHED_ERRORS } from './published-errors.js';

/** In place of a request ID of another form than the vendor's. */
export const WITHHELD_ID = '(withheld)';

/** What was sent and is no one's to see. */
export interface SentSecrets {
  /** The request's fields, as JSON: the body, where that is all. */
  readonly body: Buffer;
  readonly authorization: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Words of letters, joined by dots, as the published codes are. */
const FORM = /^[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)*$/;
/** Shorter words stand in any text by accident. */
const SHORTEST_WORD = 4;

function isLong({ length }: string): boolean {
  return length >= SHORTEST_WORD;
}

/** `IllegalTo` is made of `illegal` and `to`. */
function wordsOf(code: string): string[] {
  return (code.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase());
}

/** The words of the published codes, and what stands between their dots: in another code, too, they tell nothing. */
const VOCABULARY: ReadonlySet<string> = new Set(
  Object.keys(PUBLISHED_ERRORS).flatMap((code) => [...wordsOf(code), ...code.toLowerCase().split('.')]),
);

/**
 * Whether a code may be shown. An answer may come from anyone on the way, and errors and logs must not show a message or
 * a key, however an answer has wrapped it. Published codes say nothing of the request. Another one is shown if it has
 * their form, and if no word of it that they don't have stands in what was sent, nor a word of what was sent in it,
 * whatever stands between the letters.
 */
export function mayShowCode(code: string, sent: SentSecrets): boolean {
  if (isPublishedErrorCode(code)) return true;
  if (!FORM.test(code)) return false;
  const parts = code.split('.');
  const fields = JSON.parse(sent.body.toString('utf8')) as Record<string, unknown>;
  if (namesOf(fields, sent).some((name) => parts.filter(isLong).some((part) => name.includes(part))))
    return false;
  const ownWords = parts.map((part) => wordsOf(part).filter((word) => !VOCABULARY.has(word)));
  const wholes = parts.map((part) => part.toLowerCase()).filter((part) => !VOCABULARY.has(part));
  const words = [...wholes, ...ownWords.flat()].filter(isLong);
  const joined = ownWords.flat().join('');
  const runs = [...ownWords.map((own) => own.join('')), joined].filter(isLong);
  return textsOf(fields, sent).every((text) => {
    const lower = text.toLowerCase();
    const letters = lower.replaceAll(/[^a-z]/g, '');
    return (
      !words.some((word) => lower.includes(word)) &&
      !runs.some((run) => letters.includes(run)) &&
      !lower.match(/[a-z]{4,}/g)?.some((word) => joined.includes(word))
    );
  });
}

/** Whether a request ID holds a piece of a signature or of a key; a message can't be told from an ID's own digits. */
export function holdsSecret(
  requestId: string,
  { authorization, secretAccessKey, sessionToken }: SentSecrets,
) {
  const id = requestId.toLowerCase();
  return [authorization.slice(authorization.indexOf('Signature=')), secretAccessKey, sessionToken ?? ''].some(
    (secret) => hasCommonRun(id, secret.toLowerCase()),
  );
}

/** So many characters in a row are not the same in two random texts. */
const RUN = 8;

function hasCommonRun(one: string, other: string): boolean {
  // A run that is common holds one of the pieces of half its length; hardly ever is there one.
  let isPossible = false;
  for (let start = 0; start + RUN / 2 <= one.length && !isPossible; start += RUN / 2) {
    isPossible = other.includes(one.slice(start, start + RUN / 2));
  }
  if (!isPossible) return false;
  for (let start = 0; start + RUN <= one.length; start++) {
    if (other.includes(one.slice(start, start + RUN))) return true;
  }
  return false;
}

/** The sender, the app and the access key's ID: no secrets, which a code may have a word in common with. */
function namesOf({ AppId, From }: Record<string, unknown>, { authorization }: SentSecrets): string[] {
  return [String(AppId), String(From), authorization.slice(0, authorization.indexOf('/'))];
}

/**
 * The values of what else was sent; a message that is base64 as the
 * text that its bytes may be, too.
 */
function textsOf(
  { AppId: _app, From: _from, ...rest }: Record<string, unknown>,
  { secretAccessKey, sessionToken = '' }: SentSecrets,
): string[] {
  const texts: string[] = [];
  const values: unknown[] = [rest];
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
