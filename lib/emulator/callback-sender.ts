import { once, setMaxListeners } from 'node:events';
import { type IncomingMessage, request as requestOverHttp } from 'node:http';
import { request as requestOverTls } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Callback, isRoomEventType } from './callback.js';

/** Of an event. A client's message is posted once. */
const EVENT_ATTEMPTS = 3;
/** Not published. */
const RETRY_AFTER_MS = 200;
/** So many are posted at the same time; the others wait. */
const MAX_CONNECTIONS = 64;
/** What the business server has to answer within, and at most. */
const ANSWER_LIMIT_MS = 5_000;
const MAX_ANSWER_BYTES = 65_536;

/** A try to post a callback. */
export interface CallbackAttempt {
  /** Until the answer had been read, or the try failed. */
  readonly elapsedMs: number;
  /** Undefined if there was no answer, or a fault lost it. */
  readonly httpStatus?: number | undefined;
  /** The first 1,024 characters of the answer. */
  readonly answer?: string | undefined;
  /** Why there was no whole answer. */
  readonly failure?: string | undefined;
}

/** What became of one request to the business server. */
export interface PostEnd extends Omit<CallbackAttempt, 'answer'> {
  /** Whether all of the request had left, or an answer came: the server may have read it. */
  readonly sent: boolean;
  /** The whole answer; undefined if there is none, or not a whole one of at most 64 KB. */
  readonly answer?: Buffer | undefined;
}

/** How a body is posted. */
interface Posting {
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Called once the request has left. */
  readonly onSent: () => void;
}

/** Posts callbacks in the order in which they come, up to 64 at a time. */
export class CallbackSender {
  readonly #posting = new Set<Promise<unknown>>();
  /** Ends once the last one has left. */
  #leaving = Promise.resolve();

  /** @param closed ends what is under way: nothing is posted from then on */
  constructor(private readonly closed: AbortSignal) {
    setMaxListeners(0, closed);
  }

  /** Waits, though not for longer than until the end. */
  async pause(delayMs: number): Promise<void> {
    await sleep(delayMs, undefined, { signal: this.closed }).catch(() => undefined);
  }

  /**
   * Posts one when those before it have left, and a connection is free.
   * @returns all tries
   */
  async send(callback: Callback, losesFirstAnswer: boolean): Promise<readonly PostEnd[]> {
    const before = this.#leaving;
    let hasLeft: (() => void) | undefined;
    this.#leaving = new Promise((resolve) => (hasLeft = resolve));
    const onSent = (): void => hasLeft?.();
    await before;
    while (this.#posting.size >= MAX_CONNECTIONS) await Promise.race(this.#posting);
    const posting = this.#post(callback, losesFirstAnswer, onSent);
    this.#posting.add(posting);
    const tries = await posting;
    this.#posting.delete(posting);
    // None was posted if all is closed.
    onSent();
    return tries;
  }

  async #post(
    { action, url, body }: Callback,
    losesFirstAnswer: boolean,
    onSent: () => void,
  ): Promise<readonly PostEnd[]> {
    const isEvent = isRoomEventType(action);
    // The service sends clients' messages without a content type.
    const headers: Posting['headers'] = isEvent ? { 'Content-Type': 'application/json' } : {};
    const tries: PostEnd[] = [];
    while (
      tries.length < (isEvent ? EVENT_ATTEMPTS : 1) &&
      !isDelivered(tries.at(-1)) &&
      !this.closed.aborted
    ) {
      if (tries.length > 0) await this.pause(RETRY_AFTER_MS);
      const end = await post(url, Buffer.from(JSON.stringify(body)), {
        headers,
        signal: this.closed,
        onSent,
      });
      // One that has failed to leave holds up no others.
      onSent();
      const { elapsedMs, sent } = end;
      const isLost = losesFirstAnswer && tries.length === 0;
      tries.push(isLost ? { elapsedMs, sent, failure: 'a fault lost the answer' } : end);
    }
    return tries;
  }
}

/** Whether a request was answered 200, and the whole answer came. */
export function isDelivered(end: PostEnd | undefined): end is PostEnd & { readonly answer: Buffer } {
  return end?.httpStatus === 200 && end.answer !== undefined;
}

/** Posts a body, over a connection of its own. Redirects are not followed. It never rejects. */
export async function post(url: URL, body: Buffer, { headers, signal, onSent }: Posting): Promise<PostEnd> {
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
  const other = new AbortController();
  // It has neither a response nor an error.
  request.once('upgrade', ({ statusCode }, socket) => {
    socket.destroy();
    end = { sent: true, httpStatus: statusCode };
    failure = 'another protocol';
    other.abort();
  });
  // What comes after the answer is of no interest.
  request.on('error', () => undefined).end(body);
  try {
    const [response] = (await once(request, 'response', { signal: other.signal })) as [IncomingMessage];
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
  return { ...end, elapsedMs: Math.round(performance.now() - began) };
}
