import axios, { type AxiosInstance } from 'axios';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connectByOwnLookup } from './address-list.js';

/** What the Axios instance of a module is made from. */
export interface HttpClientSettings {
  readonly http: {
    readonly httpAgent: { open(): HttpAgent } | undefined;
    readonly httpsAgent: { open(): HttpsAgent } | undefined;
    readonly maxSockets: number;
    readonly maxContentLength: number;
  };
}

/** Idle sockets are retired before a server's own idle limit (often 5 s) can close one that is being reused. */
const IDLE_SOCKET_MS = 4_000;

/** What a request is sent over. */
export interface Transport {
  readonly httpAgent: HttpAgent;
  readonly httpsAgent: HttpsAgent;
  /** Whether they are the library's own, which try each address of a host in turn, see `AddressList`. */
  readonly isOwnHttpAgent: boolean;
  readonly isOwnHttpsAgent: boolean;
  /** The longest answer that is read, in bytes. */
  readonly maxContentLength: number;
}

/** @param atLeast the longest answer that is read, where that is more than usual */
export function reading(transport: Transport, atLeast = 0): Transport {
  return atLeast <= transport.maxContentLength ? transport : { ...transport, maxContentLength: atLeast };
}

/** What an app may reach of an Axios instance. */
export interface RtcAxiosRef {
  /** Those of requests alone. */
  readonly interceptors: Pick<AxiosInstance['interceptors'], 'request'>;
}

export interface HttpClient {
  readonly axios: Pick<AxiosInstance, 'request' | 'interceptors' | 'getUri'>;
  readonly transport: Transport;
  /** Closes the sockets of the agents that were made here; those that the app gave are the app's. */
  close(): void;
}

/** Makes an Axios instance of a module's. Each request brings its own adapter, see `sendOverNodeHttp`. */
export function createHttpClient({ http }: HttpClientSettings): HttpClient {
  const agentOptions = {
    keepAlive: true,
    maxSockets: http.maxSockets,
    timeout: IDLE_SOCKET_MS,
    autoSelectFamily: false,
  };
  const ownHttpAgent = connectByOwnLookup(new HttpAgent(agentOptions));
  const ownHttpsAgent = connectByOwnLookup(new HttpsAgent(agentOptions));
  return {
    // Not axios.create(), which would send the headers that the app has set for all of its own Axios calls, and
    // transform bodies. And without settings, since Axios copies and merges each of them for each request: what
    // they would say, the adapter knows.
    axios: new axios.Axios({}),
    transport: {
      httpAgent: http.httpAgent?.open() ?? ownHttpAgent,
      httpsAgent: http.httpsAgent?.open() ?? ownHttpsAgent,
      isOwnHttpAgent: http.httpAgent === undefined,
      isOwnHttpsAgent: http.httpsAgent === undefined,
      maxContentLength: http.maxContentLength,
    },
    close: () => {
      ownHttpAgent.destroy();
      ownHttpsAgent.destroy();
    },
  };
}
