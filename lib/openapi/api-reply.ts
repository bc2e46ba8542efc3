import { holdsSecret, type SentSecrets, mayShowCode, WITHHELD_ID } from './shown-answer.js';

/**
 * An HTTP response, read without trusting it. Decisions use its content. Errors and logs show only parts of a known
 * form.
 */
export type ApiReply =
  | {
      readonly kind: 'success';
      readonly requestId: string;
      /** The answer's `Result`, of any form. */
      readonly result?: unknown;
    }
  | {
      readonly kind: 'error';
      /** The vendor's code. Show it only if `isWithheld` is not set. */
      readonly apiCode: string;
      readonly isWithheld?: true;
      readonly codeN?: number | undefined;
      readonly requestId?: string | undefined;
    }
  | { readonly kind: 'unreadable'; readonly why: string };

/**
 * Reads a response's body. `ResponseMetadata.Error` decides. The HTTP status does not, since an error may come with
 * 200, and neither does `Result.Message`, whose spelling varies. Source: Volcengine documentation 6348/1178322.
 * @param body undefined if it can't be decoded
 * @param sent secrets of the request, which the answer may repeat
 */
export function readReply(body: Buffer | undefined, sent: SentSecrets): ApiReply {
  if (body === undefined) return unreadable("the body's content coding can't be undone");
  if (body.length === 0) return unreadable('the body is empty');
  let parsed: unknown;
  try {
    const text = body.toString('utf8');
    parsed = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch {
    return unreadable('the body is not JSON');
  }
  const metadata = isRecord(parsed) ? ownOf(parsed, 'ResponseMetadata') : undefined;
  if (!isRecord(metadata)) return unreadable('the body has no ResponseMetadata');

  const requestId = readRequestId(ownOf(metadata, 'RequestId'), sent);
  const error = ownOf(metadata, 'Error');
  if (error === undefined || error === null) {
    return requestId === undefined
      ? unreadable('ResponseMetadata has no RequestId')
      : { kind: 'success', requestId, result: ownOf(parsed as Record<string, unknown>, 'Result') };
  }
  const apiCode = isRecord(error) ? readCode(ownOf(error, 'Code')) : undefined;
  if (!isRecord(error) || apiCode === undefined) {
    return unreadable('ResponseMetadata.Error has no Code');
  }
  const codeN = ownOf(error, 'CodeN');
  // An error that says "success" proves nothing.
  if (/^(success|ok)$/i.test(apiCode) || codeN === 0)
    return unreadable('ResponseMetadata.Error says success');
  return {
    kind: 'error',
    apiCode,
    ...(!mayShowCode(apiCode, sent) && { isWithheld: true }),
    // The gateway's numbers. The highest published one is 100,027.
    codeN: typeof codeN === 'number' && /^1000\d\d$/.test(String(codeN)) ? codeN : undefined,
    requestId,
  };
}

function unreadable(why: string): ApiReply {
  return { kind: 'unreadable', why };
}

/**
 * Known forms of the vendor's request IDs: the time and up to 24 hexadecimal digits, the same with asterisks (in its
 * pages), or `02`, the time in milliseconds and up to 40 hexadecimal digits. An ID of another form is withheld and
 * changes no decision.
 */
const REQUEST_ID =
  /^(20\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])\d{6}[0-9A-F]{2,24}|20\d{3,24}\*{4}[0-9A-F]{0,20}|02\d{13}[0-9a-f]{16,40})$/;

function readRequestId(value: unknown, sent: SentSecrets): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return REQUEST_ID.test(value) && !holdsSecret(value, sent) ? value : WITHHELD_ID;
}

/** A value that does not look like a code is no readable error. */
function readCode(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,127}$/.test(value) ? value : undefined;
}

/** An own property, so that a changed `Object.prototype` adds nothing to an answer. */
export function ownOf<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
