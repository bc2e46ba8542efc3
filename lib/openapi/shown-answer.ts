import { isPublishedErrorCode } from './published-errors.js';

/** In place of a request ID of another form than the vendor's. */
export const WITHHELD_ID = '(withheld)';

/** What was sent and is no one's to see. */
export interface SentSecrets {
  /** The request's body: JSON with the vendor's fields. */
  readonly body: Buffer;
  readonly authorization: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

/** Words of letters, joined by dots, as the published codes are. */
const FORM = /^[A-Z][A-Za-z]*(\.[A-Z][A-Za-z]*)*$/;
/** Shorter words stand in any text by accident. */
const SHORTEST_WORD = 4;

/**
 * Whether a code may be shown. An answer may come from anyone on the way, and errors and logs must not show a message or
 * a key, however an answer has wrapped it. Published codes say nothing of the request. Another one is shown if it has
 * their form, and if no word of it stands in what was sent, nor a word of what was sent in it, whatever stands between
 * the letters.
 */
export function mayShowCode(code: string, sent: SentSecrets): boolean {
  if (isPublishedErrorCode(code)) return true;
  if (!FORM.test(code)) return false;
  const parts = code.split('.').filter(({ length }) => length >= SHORTEST_WORD);
  if (namesOf(sent).some((name) => parts.some((part) => name.includes(part)))) return false;
  const shown = code.toLowerCase();
  const letters = [...parts, code.replaceAll('.', '')]
    .filter(({ length }) => length >= SHORTEST_WORD)
    .map((part) => part.toLowerCase());
  // `IllegalTo` as a whole, and `Illegal` and `To`.
  const words = [...parts, ...(code.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? [])]
    .filter(({ length }) => length >= SHORTEST_WORD)
    .map((word) => word.toLowerCase());
  return textsOf(sent).every((text) => {
    const lower = text.toLowerCase();
    const lettersAlone = lower.replaceAll(/[^a-z]/g, '');
    return (
      !words.some((word) => lower.includes(word)) &&
      !letters.some((part) => lettersAlone.includes(part)) &&
      !lower.match(/[a-z]{4,}/g)?.some((word) => shown.includes(word))
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
  for (let start = 0; start + RUN <= one.length; start++) {
    if (other.includes(one.slice(start, start + RUN))) return true;
  }
  return false;
}

/** The sender, the app and the access key's ID: no secrets, which a code may have a word in common with. */
function namesOf({ body, authorization }: SentSecrets): string[] {
  const { AppId, From } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  return [String(AppId), String(From), authorization.slice(0, authorization.indexOf('/'))];
}

/**
 * The values of what else was sent; a message that is base64 as the
 * text that its bytes may be, too.
 */
function textsOf({ body, secretAccessKey, sessionToken = '' }: SentSecrets): string[] {
  const { AppId: _app, From: _from, ...rest } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  const values = Object.values(rest).flat();
  const texts = values.filter((value): value is string => typeof value === 'string');
  const decoded = texts
    .filter((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text))
    .map((text) => Buffer.from(text, 'base64').toString('latin1').replaceAll('\0', ''));
  return [...texts, ...decoded, secretAccessKey, sessionToken];
}
