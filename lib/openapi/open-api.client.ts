import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type ApiRequest, createAxios, urlOf } from './api-request.js';
import { ownOf, readReply } from './api-reply.js';
import { decodeContent } from './content-coding.js';
import { type AttemptLimits, type AttemptResult, HttpAttempt, type Signing } from './http-attempt.js';
import { intercept, type OutgoingRequest } from './intercepted-request.js';
import { sendOverNodeHttp, type Transport } from './node-http.adapter.js';
import type { SigningContext } from './request-signer.js';
import { createSigningInterceptor, type SignableConfig } from './signing.interceptor.js';

/** How a client connects. */
export interface HttpClientSettings {
  readonly http: {
    readonly httpAgent: { open(): HttpAgent } | undefined;
    readonly httpsAgent: { open(): HttpsAgent } | undefined;
    readonly maxSockets: number;
    readonly maxContentLength: number;
  };
}

/** Idle sockets are closed before the server's own idle limit (often 5 s) can close a socket that is being reused. */
const IDLE_SOCKET_MS = 4_000;

/** The limits of one attempt, and what its request is signed with. */
export interface AttemptOptions extends AttemptLimits, Signing {}

/**
 * Makes one signed request and returns how it ended. It never throws an Axios error, since that would carry the
 * `Authorization` header and the body.
 */
export class OpenApiClient {
  // Private fields: printing the client must not print the requests of its sockets.
  /** Its interceptor signs all requests. Each request brings its own adapter. */
  readonly #axios = createAxios();
  readonly #transport: Transport;
  readonly #ownAgents: readonly HttpAgent[];
  readonly #endpoint: string;

  /** @param endpoint an origin, the only one that requests are signed for */
  constructor({ http }: HttpClientSettings, signing: Omit<SigningContext, 'origin'>, endpoint: string) {
    const agentOptions = {
      keepAlive: true,
      maxSockets: http.maxSockets,
      timeout: IDLE_SOCKET_MS,
      // All addresses of a host are tried in turn, also where the app has switched that off for its own connections.
      autoSelectFamily: true,
    };
    const [httpAgent, httpsAgent] = [new HttpAgent(agentOptions), new HttpsAgent(agentOptions)];
    this.#ownAgents = [httpAgent, httpsAgent];
    this.#transport = {
      httpAgent: http.httpAgent?.open() ?? httpAgent,
      httpsAgent: http.httpsAgent?.open() ?? httpsAgent,
      maxContentLength: http.maxContentLength,
    };
    this.#endpoint = endpoint;
    const sign = createSigningInterceptor({ ...signing, origin: endpoint });
    this.#axios.interceptors.request.use(sign, undefined, { synchronous: true });
  }

  attempt(request: ApiRequest, options: AttemptOptions): Promise<AttemptResult> {
    return HttpAttempt.make(options, (attempt) => this.#send(attempt, request, options));
  }

  /** Closes the sockets of the library's own agents. The app closes the agents that it gave. */
  close(): void {
    for (const agent of this.#ownAgents) agent.destroy();
  }

  async #send(
    attempt: HttpAttempt,
    request: ApiRequest,
    { credentials, clockOffsetMs }: AttemptOptions,
  ): Promise<AttemptResult> {
    const { method, interceptors } = request;
    const given: OutgoingRequest = { method, url: urlOf(this.#endpoint, request), body: request.body };
    const { url, headers, body } = interceptors ? await intercept(given, interceptors, attempt) : given;
    attempt.signedWith = { credentials, clockOffsetMs };
    const transport = this.#transport;
    const config: SignableConfig = {
      method,
      url,
      headers,
      data: body,
      attempt,
      adapter: (signed) => sendOverNodeHttp(signed, attempt, transport),
    };
    // The adapter ends the request when the attempt is interrupted. Nothing before the adapter waits.
    const answer = await this.#axios.request<Buffer>(config);
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
