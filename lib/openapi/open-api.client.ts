import type { AxiosResponse } from 'axios';
import type { RtcCredentials } from '../credentials/credentials.js';
import type { CredentialsSource } from '../credentials/credentials-source.js';
import type { Redacted } from '../privacy/redacted.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { type ApiRequest, urlOf } from './api-request.js';
import { type ApiReply, ownOf, readReply } from './api-reply.js';
import { type AttemptEnd, type AttemptResult, Signing } from './attempt-result.js';
import type { Cancellation } from './cancellation.js';
import { ContentTooLongError, decodeContent } from './content-coding.js';
import { HttpAttempt } from './http-attempt.js';
import type { HttpClient } from './http-client.js';
import { type AnsweredRequest, sendIntercepted } from './intercepted-request.js';
import { sendOverNodeHttp, TransportError } from './node-http.adapter.js';
import type { RequestSigner } from './request-signer.js';
import type { SignableConfig } from './signing.interceptor.js';
import { kindOfThrown } from '../errors/thrown.js';

/** One attempt's share of what a call may use. */
export interface AttemptOptions {
  /** For the whole of it, in milliseconds, the response's body included. */
  readonly timeoutMs: number;
  readonly cancellation: Cancellation;
  /** How far the service's clock is taken to be ahead of this machine's, in milliseconds. */
  readonly clockOffsetMs: number;
  /** Asked when bytes are about to leave; if not, the attempt ends as `PERMIT_EXPIRED`. Default: yes. */
  readonly mayLeave?: () => boolean;
}

/**
 * Makes one signed request and says what was seen of it. It never throws: an Axios error must not leave, since
 * it carries the `Authorization` header and the body.
 */
export class OpenApiClient {
  // Private to the language: whoever prints the client must not print the requests of its sockets.
  readonly #http: HttpClient;
  readonly #credentials: CredentialsSource;
  readonly #endpoint: string;
  readonly #signer: RequestSigner | undefined;

  /**
   * @param endpoint an origin
   * @param signer signs what the interceptors of `http` have made of a request; without one, they have to sign it
   */
  constructor(http: HttpClient, credentials: CredentialsSource, endpoint: string, signer?: RequestSigner) {
    this.#http = http;
    this.#endpoint = endpoint;
    this.#credentials = credentials;
    this.#signer = signer;
  }

  /**
   * Whose access key signs the next request, or how the attempt ended when that could not be found out. At once
   * where the credentials are in hand. Neither throws nor rejects.
   */
  identify(options: Omit<AttemptOptions, 'clockOffsetMs'>): string | Promise<string | AttemptResult> {
    let credentials: ReturnType<CredentialsSource['get']>;
    try {
      credentials = this.#credentials.get();
    } catch (error) {
      credentials = Promise.reject(error as Error);
    }
    return credentials instanceof Promise
      ? this.#identifyLater(credentials, options)
      : credentials.open().accessKeyId;
  }

  async attempt(request: ApiRequest, options: AttemptOptions): Promise<AttemptResult> {
    const attempt = new HttpAttempt(options.timeoutMs, options.cancellation);
    if (options.mayLeave !== undefined) attempt.mayLeave = options.mayLeave;
    try {
      return attempt.result(await this.#send(attempt, request, options.clockOffsetMs));
    } catch (error) {
      return attempt.result(endOf(attempt, error));
    } finally {
      attempt.dispose();
    }
  }

  /** Closes the sockets. */
  close(): void {
    this.#http.close();
  }

  async #identifyLater(
    credentials: Promise<Redacted<RtcCredentials>>,
    { timeoutMs, cancellation }: Omit<AttemptOptions, 'clockOffsetMs'>,
  ): Promise<string | AttemptResult> {
    const attempt = new HttpAttempt(timeoutMs, cancellation);
    try {
      return (await attempt.guard(credentials)).open().accessKeyId;
    } catch (error) {
      return attempt.result(endOf(attempt, error));
    } finally {
      attempt.dispose();
    }
  }

  async #send(attempt: HttpAttempt, request: ApiRequest, clockOffsetMs: number): Promise<AttemptEnd> {
    const inHand = this.#credentials.get();
    const credentials = inHand instanceof Promise ? await attempt.guard(inHand) : inHand;
    const signing = new Signing(credentials, clockOffsetMs);
    attempt.signedWith = signing;
    const addressed = { ...request, url: urlOf(this.#endpoint, request) };
    const { status, data, headers, authorization, sent } =
      this.#signer === undefined
        ? await this.#sendMessage(addressed, attempt, signing)
        : await sendIntercepted(this.#http, this.#signer, addressed, attempt, signing);
    const answered = headers as Record<string, string>;
    const coding = ownOf(answered, 'content-encoding');
    const content = coding === undefined ? data : await this.#decode(attempt, data, coding);
    return {
      kind: 'answered',
      httpStatus: status,
      reply:
        content === undefined
          ? UNDECODABLE
          : readReply(content, {
              body: sent,
              authorization,
              secretAccessKey: credentials.open().secretAccessKey,
              sessionToken: credentials.open().sessionToken,
            }),
      retryAfter: ownOf(answered, 'retry-after'),
      date: ownOf(answered, 'date'),
    };
  }

  /** Nothing before the adapter waits for anything, and the adapter ends it when the attempt is interrupted. */
  async #sendMessage(
    { method, url, body }: ApiRequest & { readonly url: string },
    attempt: HttpAttempt,
    signing: Signing,
  ): Promise<AnsweredRequest> {
    const request: SignableConfig = {
      method,
      url,
      data: body,
      signing,
      adapter: (config) => sendOverNodeHttp(config, attempt, this.#http.transport),
    };
    const answered = await this.#http.axios.request<Buffer, AxiosResponse<Buffer>>(request);
    return { ...answered, authorization: String(answered.config.headers.get('Authorization')), sent: body };
  }

  /** Undefined when it can't be done. */
  async #decode(attempt: HttpAttempt, data: Buffer, coding: string): Promise<Buffer | undefined> {
    try {
      return await attempt.guard(decodeContent(data, coding, this.#http.transport.maxContentLength));
    } catch (error) {
      throw error instanceof ContentTooLongError ? new TransportError('RESPONSE_TOO_LARGE') : error;
    }
  }
}

const UNDECODABLE: ApiReply = { kind: 'unreadable', why: "the body's content coding can't be undone" };

function endOf({ interruption }: HttpAttempt, error: unknown): AttemptEnd {
  if (interruption !== undefined) return { kind: 'interrupted', by: interruption };
  if (error instanceof RtcConfigError) return { kind: 'unsigned', error };
  if (error instanceof TransportError) {
    const { code, thrown } = error;
    return { kind: 'broken', failure: code, ...(thrown !== undefined && { thrown }) };
  }
  return { kind: 'broken', failure: 'REQUEST_FAILED', thrown: kindOfThrown(error) };
}
