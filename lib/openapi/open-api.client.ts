import type { AxiosResponse } from 'axios';
import type { CredentialsSource } from '../credentials/credentials-source.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import type { Cancellation } from '../waiting/cancellation.js';
import { type ApiRequest, urlOf } from './api-request.js';
import { type ApiReply, ownOf, readReply } from './api-reply.js';
import { ContentTooLongError, decodeContent } from './content-coding.js';
import {
  type AttemptEnd,
  type AttemptResult,
  HttpAttempt,
  RESPONSE_TOO_LARGE,
  Signing,
} from './http-attempt.js';
import type { HttpClient } from './http-client.js';
import { intercept, type OutgoingRequest } from './intercepted-request.js';
import { sendOverNodeHttp, TransportError } from './node-http.adapter.js';
import type { SignableConfig } from './signing.interceptor.js';

/** The limits of one attempt. */
export interface AttemptOptions {
  /** Time limit of the whole attempt in milliseconds, including the response's body. */
  readonly timeoutMs: number;
  readonly cancellation: Cancellation;
  /** Assumed offset of the service's clock from this machine's, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Called right before bytes are sent. If it returns false, the attempt ends with `PERMIT_EXPIRED`. Default: true. */
  readonly mayLeave?: () => boolean;
}

/**
 * Makes one signed request and returns how it ended. It never throws an Axios error, since that would carry the
 * `Authorization` header and the body.
 */
export class OpenApiClient {
  // A private field: printing the client must not print the requests of its sockets.
  readonly #http: HttpClient;
  readonly #credentials: CredentialsSource;
  readonly #endpoint: string;

  /** @param endpoint an origin */
  constructor(http: HttpClient, credentials: CredentialsSource, endpoint: string) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#credentials = credentials;
  }

  /**
   * The access key ID that signs the next request, or how the attempt ended if there is none. Synchronous if
   * credentials are in hand. Neither throws nor rejects.
   */
  identify(options: Omit<AttemptOptions, 'clockOffsetMs'>): string | Promise<string | AttemptResult> {
    const credentials = this.#credentials.get();
    return credentials instanceof Promise
      ? during(options, async (attempt) => (await attempt.guard(credentials)).open().accessKeyId)
      : credentials.open().accessKeyId;
  }

  attempt(request: ApiRequest, options: AttemptOptions): Promise<AttemptResult> {
    return during(options, (attempt) => this.#send(attempt, request, options.clockOffsetMs));
  }

  /** Closes the sockets. */
  close(): void {
    this.#http.close();
  }

  async #send(attempt: HttpAttempt, request: ApiRequest, clockOffsetMs: number): Promise<AttemptResult> {
    const inHand = this.#credentials.get();
    const credentials = inHand instanceof Promise ? await attempt.guard(inHand) : inHand;
    const { method, body, interceptors } = request;
    const given: OutgoingRequest = { method, url: urlOf(this.#endpoint, request), body };
    const outgoing = interceptors ? await intercept(given, interceptors, attempt) : given;
    const signing = new Signing(credentials, clockOffsetMs);
    const { status, data, headers, config } = await this.#sendSigned(outgoing, attempt, signing);
    const answered = headers as Record<string, string>;
    const coding = ownOf(answered, 'content-encoding');
    const content = coding === undefined ? data : await this.#decode(attempt, data, coding);
    const { secretAccessKey, sessionToken } = credentials.open();
    return attempt.result({
      kind: 'answered',
      httpStatus: status,
      reply:
        content === undefined
          ? UNDECODABLE
          : readReply(content, {
              url: outgoing.url,
              body: outgoing.body,
              authorization: String(config.headers['Authorization']),
              secretAccessKey,
              sessionToken,
            }),
      retryAfter: ownOf(answered, 'retry-after'),
      date: ownOf(answered, 'date'),
    });
  }

  /** The adapter ends the request when the attempt is interrupted. Nothing before the adapter waits. */
  #sendSigned(
    { method, url, headers, body }: OutgoingRequest,
    attempt: HttpAttempt,
    signing: Signing,
  ): Promise<AxiosResponse<Buffer>> {
    attempt.signedWith = signing;
    const request: SignableConfig = {
      method,
      url,
      data: body,
      signing,
      adapter: (config) => sendOverNodeHttp(config, attempt, this.#http.transport),
    };
    if (headers !== undefined) request.headers = headers;
    return this.#http.axios.request(request);
  }

  /** Undefined if the body can't be decoded. */
  async #decode(attempt: HttpAttempt, data: Buffer, coding: string): Promise<Buffer | undefined> {
    try {
      return await attempt.guard(decodeContent(data, coding, this.#http.transport.maxContentLength));
    } catch (error) {
      throw error instanceof ContentTooLongError ? new TransportError(RESPONSE_TOO_LARGE) : error;
    }
  }
}

const UNDECODABLE: ApiReply = { kind: 'unreadable', why: "the body's content coding can't be undone" };

/** Runs an attempt within its time limit. @returns how the attempt ended if anything was thrown */
async function during<T>(
  { timeoutMs, cancellation, mayLeave }: Omit<AttemptOptions, 'clockOffsetMs'>,
  work: (attempt: HttpAttempt) => Promise<T>,
): Promise<T | AttemptResult> {
  const attempt = new HttpAttempt(timeoutMs, cancellation);
  if (mayLeave !== undefined) attempt.mayLeave = mayLeave;
  try {
    return await work(attempt);
  } catch (error) {
    return attempt.result(endOf(attempt, error));
  } finally {
    attempt.dispose();
  }
}

function endOf({ interruption }: HttpAttempt, error: unknown): AttemptEnd {
  if (interruption !== undefined) return { kind: 'interrupted', by: interruption };
  if (error instanceof RtcConfigError) return { kind: 'no_credentials', error };
  if (!(error instanceof TransportError)) {
    return { kind: 'network_error', failure: 'REQUEST_FAILED', thrown: kindOfThrown(error) };
  }
  const { code, thrown } = error;
  return { kind: 'network_error', failure: code, ...(thrown !== undefined && { thrown }) };
}
