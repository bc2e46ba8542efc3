import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { AxiosHeaders } from 'axios';
import { type ApiRequest, urlOf } from './api-request.js';
import { ownOf, readReply } from './api-reply.js';
import { decodeContent } from './content-coding.js';
import { type AttemptLimits, type AttemptResult, HttpAttempt, type Signing } from './http-attempt.js';
import { intercept, type OutgoingRequest } from './intercepted-request.js';
import { sendOverNodeHttp, type Transport } from './node-http.transport.js';
import type { SigningContext } from './request-signer.js';
import { createSigningInterceptor } from './signing.interceptor.js';

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
  /**
   * An Axios request interceptor, which every request passes through last. Axios's own `request()` would copy and merge
   * each request and response, which takes a sixth of a call.
   */
  readonly #sign: ReturnType<typeof createSigningInterceptor>;
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
    this.#sign = createSigningInterceptor({ ...signing, origin: endpoint });
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
    const given: OutgoingRequest = {
      method,
      url: urlOf(this.#endpoint, request),
      body: request.body,
      // Of its own. The signature would be written to those of a changed `Object.prototype`.
      headers: new AxiosHeaders(),
    };
    const passed = interceptors ? await intercept(given, interceptors, attempt) : given;
    const { url, headers, body } = passed;
    attempt.signedWith = { credentials, clockOffsetMs };
    const signed = this.#sign({ method, url, headers, data: body, attempt });
    const answer = await sendOverNodeHttp(signed, attempt, this.#transport);
    const answered = answer.headers as Record<string, string>;
    const coding = ownOf(answered, 'content-encoding');
    const content =
      coding === undefined
        ? answer.body
        : await attempt.guard(decodeContent(answer.body, coding, this.#transport.maxContentLength));
    const { secretAccessKey, sessionToken } = credentials.open();
    const authorization = String(signed.headers['Authorization']);
    return attempt.result({
      kind: 'answered',
      httpStatus: answer.status,
      reply: readReply(content, { url, body, authorization, secretAccessKey, sessionToken }),
      retryAfter: ownOf(answered, 'retry-after'),
      date: ownOf(answered, 'date'),
    });
  }
}
