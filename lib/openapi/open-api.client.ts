import type { AxiosResponse } from 'axios';
import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { RtcTimeoutError } from '../errors/rtc-timeout.error.js';
import { hintFor, outcomeOfCode } from './api-codes.js';
import { type ApiReply, readReply } from './api-reply.js';
import { HttpAttempt } from './http-attempt.js';
import type { HttpClient } from './http-client.js';
import { sendOverNodeHttp, TransportError } from './node-http.adapter.js';
import type { RtcActionName } from './rtc-action.js';

export interface CallOptions {
  /** For the whole attempt, in milliseconds, the response's body included. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** An accepted request. */
export interface AcceptedCall {
  readonly requestId: string;
  readonly attempt: Attempt;
}

/**
 * Makes one signed request and tells the truth about it: it returns only when the service said that it
 * accepted the message, and everything it throws is a {@link RtcMessagingError} that was made here. An Axios
 * error never leaves, since it carries the `Authorization` header and the body.
 */
export class OpenApiClient {
  // Private to the language: whoever prints the client must not print the requests of its sockets.
  readonly #http: HttpClient;
  readonly #apiVersion: string;
  readonly #inFlight = new Set<Promise<unknown>>();
  #closing = false;

  constructor(http: HttpClient, apiVersion: string) {
    this.#http = http;
    this.#apiVersion = apiVersion;
  }

  async call(
    action: RtcActionName,
    body: Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<AcceptedCall> {
    if (options.signal?.aborted) {
      throw new RtcAbortedError(`${action} was aborted before anything was sent.`, {
        outcome: 'not_attempted',
      });
    }
    if (this.#closing) {
      throw new RtcAbortedError(`${action} was refused: the app is shutting down. Nothing was sent.`, {
        outcome: 'not_attempted',
      });
    }
    const call = this.#attempt(action, body, options);
    this.#inFlight.add(call);
    try {
      return await call;
    } finally {
      this.#inFlight.delete(call);
    }
  }

  /** Refuses new calls, waits for those in flight (their `timeoutMs` bounds that), then closes the sockets. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled(this.#inFlight);
    this.#http.close();
  }

  async #attempt(
    action: RtcActionName,
    body: Readonly<Record<string, unknown>>,
    options: CallOptions,
  ): Promise<AcceptedCall> {
    const attempt = new HttpAttempt(options.timeoutMs, options.signal);
    try {
      const response = await attempt.guard(
        this.#http.axios.request<Buffer, AxiosResponse<Buffer>>({
          method: 'POST',
          url: `/?Action=${action}&Version=${this.#apiVersion}`,
          data: Buffer.from(JSON.stringify(body)),
          adapter: (config) => sendOverNodeHttp(config, attempt),
        }),
      );
      return readAccepted(action, attempt, response.status, readReply(response.data));
    } catch (error) {
      throw error instanceof RtcMessagingError ? error : describeFailure(action, attempt, options, error);
    } finally {
      attempt.dispose();
    }
  }
}

function readAccepted(
  action: RtcActionName,
  attempt: HttpAttempt,
  httpStatus: number,
  reply: ApiReply,
): AcceptedCall {
  const is2xx = httpStatus >= 200 && httpStatus < 300;
  if (reply.kind === 'success' && is2xx) {
    return { requestId: reply.requestId, attempt: attempt.describe('accepted', reply) };
  }
  if (reply.kind === 'error') {
    const { apiCode, codeN, requestId } = reply;
    const outcome = outcomeOfCode(apiCode, codeN, httpStatus);
    throw new RtcApiError(
      outcome === 'rejected'
        ? `${action} was refused with ${apiCode} (HTTP ${httpStatus}).`
        : `${action} failed with ${apiCode} (HTTP ${httpStatus}); the message may have been accepted.`,
      {
        outcome,
        httpStatus,
        apiCode,
        codeN,
        requestId,
        hint: hintFor(apiCode),
        attempts: [attempt.describe(outcome, { requestId, failure: apiCode })],
      },
    );
  }
  // 429 is a "no" of any gateway on the way, readable or not.
  const outcome = httpStatus === 429 ? 'rejected' : 'unknown';
  const why = reply.kind === 'unreadable' ? reply.why : 'it carries no error';
  throw new RtcApiError(
    `${action} was answered with HTTP ${httpStatus} that can't be read as a success: ${why}.` +
      (outcome === 'unknown' ? ' The message may have been accepted.' : ''),
    {
      outcome,
      httpStatus,
      apiCode: UNREADABLE,
      hint: 'Something between this server and the service may have answered in its place.',
      attempts: [attempt.describe(outcome, { failure: UNREADABLE })],
    },
  );
}

const UNREADABLE = 'UnreadableResponse';

function describeFailure(
  action: RtcActionName,
  attempt: HttpAttempt,
  { timeoutMs }: CallOptions,
  error: unknown,
): RtcMessagingError {
  const { phase } = attempt;
  const outcome = attempt.nothingSent ? 'not_attempted' : 'unknown';
  const consequence = attempt.nothingSent ? 'nothing was sent.' : 'the message may have been accepted.';
  if (attempt.interruption === 'timeout') {
    return new RtcTimeoutError(
      `${action} took longer than ${timeoutMs} ms (phase "${phase}"); ${consequence}`,
      { outcome, attempts: [attempt.describe(outcome, { failure: 'TIMEOUT' })] },
    );
  }
  if (attempt.interruption === 'aborted') {
    return new RtcAbortedError(`${action} was aborted in phase "${phase}"; ${consequence}`, {
      outcome,
      attempts: [attempt.describe(outcome, { failure: 'ABORTED' })],
    });
  }
  const failure = error instanceof TransportError ? error.code : 'REQUEST_FAILED';
  return new RtcNetworkError(`${action} failed with ${failure} in phase "${phase}"; ${consequence}`, {
    outcome,
    phase,
    attempts: [attempt.describe(outcome, { failure })],
  });
}
