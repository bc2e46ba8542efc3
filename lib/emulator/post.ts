import { once } from 'node:events';
import { type IncomingMessage, request as requestOverHttp } from 'node:http';
import { request as requestOverTls } from 'node:https';

/** What the business server has to answer within. */
const ANSWER_LIMIT_MS = 5_000;
/** What it can answer, at most. */
const MAX_ANSWER_BYTES = 65_536;

/** What became of one request to the business server. */
export interface PostEnd {
  readonly elapsedMs: number;
  /** Whether all of the request had left, or an answer came: the server may have read it. */
  readonly sent: boolean;
  /** Undefined: there was no answer. */
  readonly httpStatus?: number | undefined;
  /** The whole answer; undefined if there is none, or not a whole one of at most 64 KB. */
  readonly answer?: Buffer | undefined;
  /** Why there is none. */
  readonly failure?: string | undefined;
}

export interface PostOptions {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Called once the request has left, or has failed. It can be called more than once. */
  onSent(): void;
}

/** Posts a body, over a connection of its own. Redirects are not followed. It never rejects. */
export async function post(
  url: URL,
  body: Buffer,
  { headers, signal, onSent }: PostOptions,
): Promise<PostEnd> {
  const began = performance.now();
  let end: Omit<PostEnd, 'elapsedMs'> = { sent: false };
  let failure: string | undefined;
  const request = (url.protocol === 'https:' ? requestOverTls : requestOverHttp)(url, {
    method: 'POST',
    agent: false,
    headers: { ...headers, 'Content-Length': body.length },
    signal,
  });
  const timer = setTimeout(() => {
    failure = `no answer within ${ANSWER_LIMIT_MS} ms`;
    request.destroy();
  }, ANSWER_LIMIT_MS);
  request.once('finish', () => {
    end = { ...end, sent: true };
    onSent();
  });
  // What comes after the answer is of no interest.
  request.on('error', () => undefined).end(body);
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    end = { sent: true, httpStatus: response.statusCode };
    let answer = Buffer.alloc(0);
    for await (const chunk of response) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      if (answer.length <= MAX_ANSWER_BYTES) continue;
      throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    }
    end = { ...end, answer };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    end = { ...end, failure: failure ?? code ?? message };
  }
  clearTimeout(timer);
  request.destroy();
  onSent();
  return { ...end, elapsedMs: Math.round(performance.now() - began) };
}
