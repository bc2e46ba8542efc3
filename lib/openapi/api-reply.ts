/** What an HTTP response says, read without trusting it. */
export type ApiReply =
  | { readonly kind: 'success'; readonly requestId: string }
  | {
      readonly kind: 'error';
      readonly apiCode: string;
      readonly codeN?: number | undefined;
      readonly requestId?: string | undefined;
      /** Whether the code repeats something of the request, so that it must not be shown. */
      readonly isEcho?: boolean;
    }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Short texts are in a request by accident. */
const SHORTEST_ECHO = 8;

/**
 * Marks what repeats the request: an answer may come from anyone on the way, and errors and logs must not show
 * a message or a signature, wherever they stood.
 * @param request everything that was sent and is no one's to see
 */
export function withholdEchoes(reply: ApiReply, request: readonly (Buffer | string)[]): ApiReply {
  if (reply.kind === 'unreadable') return reply;
  const isEcho = (text: string | undefined): boolean =>
    text !== undefined && text.length >= SHORTEST_ECHO && request.some((sent) => sent.includes(text));
  const withheld = isEcho(reply.requestId) ? { ...reply, requestId: '(withheld)' } : reply;
  return withheld.kind === 'error' && isEcho(withheld.apiCode) ? { ...withheld, isEcho: true } : withheld;
}

/**
 * Reads a response's body. Judges by `ResponseMetadata.Error`, never by the HTTP status (an error may come
 * with 200) nor by `Result.Message` (whose spelling varies). Source: Volcengine documentation 6348/1178322.
 */
export function readReply(body: Buffer): ApiReply {
  if (body.length === 0) return { kind: 'unreadable', why: 'the body is empty' };
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString('utf8'));
  } catch {
    return { kind: 'unreadable', why: 'the body is not JSON' };
  }
  const metadata = isRecord(parsed) ? parsed['ResponseMetadata'] : undefined;
  if (!isRecord(metadata)) return { kind: 'unreadable', why: 'the body has no ResponseMetadata' };

  const requestId = readRequestId(metadata['RequestId']);
  const error = metadata['Error'];
  if (error === undefined || error === null) {
    return requestId === undefined
      ? { kind: 'unreadable', why: 'ResponseMetadata has no RequestId' }
      : { kind: 'success', requestId };
  }
  const apiCode = isRecord(error) ? printable(error['Code']) : undefined;
  if (!isRecord(error) || apiCode === undefined) {
    return { kind: 'unreadable', why: 'ResponseMetadata.Error has no Code' };
  }
  const codeN = error['CodeN'];
  return { kind: 'error', apiCode, codeN: typeof codeN === 'number' ? codeN : undefined, requestId };
}

/** Kept as it is spelt, if it can be printed: whether a message was accepted must not hang on that. */
function readRequestId(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  return /^[\x21-\x7e]{1,128}$/.test(value) ? value : '(unprintable)';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Only what looks like an ID or a code is taken over into errors. The vendor's free text is not: it may quote
 * the request.
 */
function printable(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,127}$/.test(value) ? value : undefined;
}
