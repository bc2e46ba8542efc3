import { request as requestOverHttp } from 'node:http';
import { request as requestOverTls } from 'node:https';

/** What the business server has to answer within. */
export const ANSWER_LIMIT_MS = 5_000;
/** What it can answer, at most. */
export const MAX_ANSWER_BYTES = 65_536;

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
export function post(url: URL, body: Buffer, { headers, signal, onSent }: PostOptions): Promise<PostEnd> {
  return new Promise((resolve) => {
    const began = performance.now();
    let sent = false;
    let httpStatus: number | undefined;
    const request = (url.protocol === 'https:' ? requestOverTls : requestOverHttp)(url, {
      method: 'POST',
      agent: false,
      headers: { ...headers, 'Content-Length': body.length },
      signal,
    });
    const end = (answer: Buffer | undefined, failure?: string): void => {
      clearTimeout(timer);
      request.destroy();
      onSent();
      resolve({ elapsedMs: Math.round(performance.now() - began), sent, httpStatus, answer, failure });
    };
    const fail = (error: NodeJS.ErrnoException): void => end(undefined, error.code ?? error.message);
    const timer = setTimeout(() => end(undefined, `no answer within ${ANSWER_LIMIT_MS} ms`), ANSWER_LIMIT_MS);
    request.once('finish', () => {
      sent = true;
      onSent();
    });
    request.on('error', fail).once('response', (response) => {
      sent = true;
      httpStatus = response.statusCode;
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) end(undefined, `an answer of more than ${MAX_ANSWER_BYTES} bytes`);
        else chunks.push(chunk);
      });
      response.on('error', fail).once('end', () => end(Buffer.concat(chunks)));
    });
    request.end(body);
  });
}
