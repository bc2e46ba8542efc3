import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type Axios, createAxios } from './api-request.js';
import type { SigningContext } from './request-signer.js';
import { createSigningInterceptor } from './signing.interceptor.js';

/** Settings of a module's Axios instance. */
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

/** The agents that send requests. */
export interface Transport {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
  /** Longest answer that is read, in bytes. */
  readonly maxContentLength: number;
}

export interface HttpClient {
  readonly axios: Pick<Axios, 'request'>;
  readonly transport: Transport;
  /** Closes the sockets of the library's own agents. The app closes the agents that it gave. */
  close(): void;
}

/**
 * Makes an Axios instance whose interceptor signs all requests. Each request brings its own adapter, see
 * `sendOverNodeHttp`.
 */
export function createHttpClient({ http }: HttpClientSettings, signing: SigningContext): HttpClient {
  const agentOptions = {
    keepAlive: true,
    maxSockets: http.maxSockets,
    timeout: IDLE_SOCKET_MS,
    // All addresses of a host are tried in turn, also where the app has switched that off for its own connections.
    autoSelectFamily: true,
  };
  const ownHttpAgent = new HttpAgent(agentOptions);
  const ownHttpsAgent = new HttpsAgent(agentOptions);
  const signed = createAxios();
  signed.interceptors.request.use(createSigningInterceptor(signing), undefined, { synchronous: true });
  return {
    axios: signed,
    transport: {
      httpAgent: http.httpAgent?.open() ?? ownHttpAgent,
      httpsAgent: http.httpsAgent?.open() ?? ownHttpsAgent,
      maxContentLength: http.maxContentLength,
    },
    close: () => {
      ownHttpAgent.destroy();
      ownHttpsAgent.destroy();
    },
  };
}
