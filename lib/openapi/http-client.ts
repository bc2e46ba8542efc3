import axios, { type AxiosInstance } from 'axios';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { connectByOwnLookup } from './address-list.js';

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
  /** Whether this agent is the library's own, which tries each address of a host in turn, see `AddressList`. */
  readonly isOwnHttpAgent: boolean;
  readonly isOwnHttpsAgent: boolean;
  /** Longest answer that is read, in bytes. */
  readonly maxContentLength: number;
}

/** @param atLeast limit of the answer's length, if that is more than usual */
export function reading(transport: Transport, atLeast = 0): Transport {
  return atLeast <= transport.maxContentLength ? transport : { ...transport, maxContentLength: atLeast };
}

/** The part of an Axios instance that an app may use. */
export interface RtcAxiosRef {
  /** Request interceptors only. */
  readonly interceptors: Pick<AxiosInstance['interceptors'], 'request'>;
}

export interface HttpClient {
  readonly axios: Pick<AxiosInstance, 'request' | 'interceptors' | 'getUri'>;
  readonly transport: Transport;
  /** Closes the sockets of the library's own agents. The app closes the agents that it gave. */
  close(): void;
}

/** Makes an Axios instance for a module. Each request brings its own adapter, see `sendOverNodeHttp`. */
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
    // Not axios.create(): it would send the headers that the app set for its own Axios calls, and transform bodies. No
    // settings either: Axios copies and merges settings for each request, and the adapter knows all of them.
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
