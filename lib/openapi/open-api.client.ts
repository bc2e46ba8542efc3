import type { RtcCredentials } from '../credentials/credentials.js';
import type { Redacted } from '../privacy/redacted.js';
import { type ApiRequest, urlOf } from './api-request.js';
import { ownOf, readReply } from './api-reply.js';
import { decodeContent } from './content-coding.js';
import { type AttemptLimits, type AttemptResult, HttpAttempt, Signing } from './http-attempt.js';
import type { HttpClient } from './http-client.js';
import { intercept, type OutgoingRequest } from './intercepted-request.js';
import { sendOverNodeHttp } from './node-http.adapter.js';
import type { SignableConfig } from './signing.interceptor.js';

/** The limits of one attempt, and what its request is signed with. */
export interface AttemptOptions extends AttemptLimits {
  readonly credentials: Redacted<RtcCredentials>;
  /** Assumed offset of the service's clock from this machine's, in milliseconds. */
  readonly clockOffsetMs: number;
}

/**
 * Makes one signed request and returns how it ended. It never throws an Axios error, since that would carry the
 * `Authorization` header and the body.
 */
export class OpenApiClient {
  // A private field: printing the client must not print the requests of its sockets.
  readonly #http: HttpClient;
  readonly #endpoint: string;

  /** @param endpoint an origin */
  constructor(http: HttpClient, endpoint: string) {
    this.#http = http;
    this.#endpoint = endpoint;
  }

  attempt(request: ApiRequest, options: AttemptOptions): Promise<AttemptResult> {
    return HttpAttempt.make(options, (attempt) => this.#send(attempt, request, options));
  }

  /** Closes the sockets. */
  close(): void {
    this.#http.close();
  }

  async #send(
    attempt: HttpAttempt,
    request: ApiRequest,
    { credentials, clockOffsetMs }: AttemptOptions,
  ): Promise<AttemptResult> {
    const { interceptors } = request;
    const given: OutgoingRequest = {
      method: request.method,
      url: urlOf(this.#endpoint, request),
      body: request.body,
    };
    const outgoing = interceptors ? await intercept(given, interceptors, attempt) : given;
    const { method, url, headers, body } = outgoing;
    const signing = new Signing(credentials, clockOffsetMs);
    attempt.signedWith = signing;
    const { axios, transport } = this.#http;
    const config: SignableConfig = {
      method,
      url,
      data: body,
      signing,
      adapter: (signed) => sendOverNodeHttp(signed, attempt, transport),
    };
    if (headers !== undefined) config.headers = headers;
    // The adapter ends the request when the attempt is interrupted. Nothing before the adapter waits.
    const answer = await axios.request<Buffer>(config);
    const answered = answer.headers as Record<string, string>;
    const coding = ownOf(answered, 'content-encoding');
    const content =
      coding === undefined
        ? answer.data
        : await attempt.guard(decodeContent(answer.data, coding, transport.maxContentLength));
    const { secretAccessKey, sessionToken } = credentials.open();
    const authorization = String(answer.config.headers['Authorization']);
    return attempt.result({
      kind: 'answered',
      httpStatus: answer.status,
      reply: readReply(content, { url, body, authorization, secretAccessKey, sessionToken }),
      retryAfter: ownOf(answered, 'retry-after'),
      date: ownOf(answered, 'date'),
    });
  }
}
