import axios, { type AxiosInstance } from 'axios';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

/** What the Axios instance of a module is made from. */
export interface HttpClientSettings {
  /** An origin. */
  readonly endpoint: string;
  readonly http: {
    readonly httpAgent: { open(): HttpAgent } | undefined;
    readonly httpsAgent: { open(): HttpsAgent } | undefined;
    readonly maxSockets: number;
    readonly maxContentLength: number;
  };
}

/** Idle sockets are retired before a server's own idle limit (often 5 s) can close one that is being reused. */
const IDLE_SOCKET_MS = 4_000;

export interface HttpClient {
  readonly axios: Pick<AxiosInstance, 'request' | 'interceptors'>;
  /** Closes the sockets of the agents that were made here; those that the app gave are the app's. */
  close(): void;
}

/** Makes the one Axios instance of a module. Each request brings its own adapter, see `sendOverNodeHttp`. */
export function createHttpClient({ endpoint, http }: HttpClientSettings): HttpClient {
  const agentOptions = { keepAlive: true, maxSockets: http.maxSockets, timeout: IDLE_SOCKET_MS };
  const ownHttpAgent = new HttpAgent(agentOptions);
  const ownHttpsAgent = new HttpsAgent(agentOptions);
  return {
    // Not axios.create(): that would send the headers which the app has set for all of its own Axios calls.
    axios: new axios.Axios({
      baseURL: endpoint,
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'User-Agent': 'nestjs-rtc-messaging',
      },
      httpAgent: http.httpAgent?.open() ?? ownHttpAgent,
      httpsAgent: http.httpsAgent?.open() ?? ownHttpsAgent,
      maxContentLength: http.maxContentLength,
      // The body is signed as it is and read as it comes: no transformation may touch either.
      transformRequest: [],
      transformResponse: [],
    }),
    close: () => {
      ownHttpAgent.destroy();
      ownHttpsAgent.destroy();
    },
  };
}
