import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
// As members of their modules, which tools that stand in for the network replace; each in a call of its own, since
// webpack loses members of a module that is called by way of an expression.
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AddressList, rememberLookup } from './address-list.js';
import type { HttpAttempt } from './http-attempt.js';
import type { Transport } from './http-client.js';
import type { RequestTarget } from './request-signer.js';
import type { SignableConfig } from './signing.interceptor.js';
import { kindOfThrown } from '../errors/thrown.js';

/** As the signing interceptor leaves it. */
type SignedConfig = InternalAxiosRequestConfig<Buffer> & Pick<SignableConfig, 'target'>;

/** The transport failed; only the code is kept, since Node's own errors may carry the request. */
export class TransportError extends Error {
  /** @param thrown what kind of error nobody expected */
  constructor(
    readonly code: string,
    readonly thrown?: string,
  ) {
    super(code);
  }
}

/**
 * Sends one request over `node:http(s)` in place of Axios's own adapter, which shows neither how far a
 * request came nor sends every body as it is. The body is held back until the connection is ready and all that had
 * come on it before has been read, so that a failure before that proves that the remote side has none of it, and no
 * answer that was there before is taken for this request's. (One that comes once the request has left can't be told
 * apart.) Redirects are not followed, environment proxies are not used, and the response's body is handed on as a
 * Buffer.
 */
export function sendOverNodeHttp(
  config: SignedConfig,
  attempt: HttpAttempt,
  transport: Transport,
): Promise<AxiosResponse<Buffer>> {
  return new Promise((resolve, reject) => {
    if (attempt.interruption !== undefined) {
      reject(new TransportError(attempt.interruption));
      return;
    }
    new Exchange(config, attempt, transport, resolve, reject).begin();
  });
}

/** What an exchange needs until it is over. */
interface Pending {
  readonly config: SignedConfig;
  readonly attempt: HttpAttempt;
  readonly transport: Transport;
  readonly resolve: (response: AxiosResponse<Buffer>) => void;
  readonly reject: (error: TransportError) => void;
  readonly target: RequestTarget;
  readonly addresses: AddressList | undefined;
  request: http.ClientRequest | undefined;
  /** Of the request. */
  socket?: Socket;
  /** Hears what comes on the socket before the request has left. */
  readonly onUnasked: () => void;
  response?: http.IncomingMessage;
  readonly chunks: Buffer[];
  length: number;
}

/**
 * One request and its response. All that it needs hangs on one field, which is cleared when it is over: under load,
 * V8 comes to place the tables of listeners among the long-lived objects, where they are found dead only by the next
 * full collection. Listeners that still held the request would have every call copied into that part of the heap,
 * which costs as much as half of the call itself.
 */
class Exchange {
  #pending: Pending | undefined;

  constructor(
    config: SignedConfig,
    attempt: HttpAttempt,
    transport: Transport,
    resolve: Pending['resolve'],
    reject: Pending['reject'],
  ) {
    const { target = {} } = config;
    const isOwnAgent = target.protocol === 'https:' ? transport.isOwnHttpsAgent : transport.isOwnHttpAgent;
    this.#pending = {
      config,
      attempt,
      transport,
      resolve,
      reject,
      target,
      addresses: isOwnAgent
        ? new AddressList(
            () => attempt.leftMs,
            () => this.#disconnected('ETIMEDOUT'),
          )
        : undefined,
      request: undefined,
      // Of what is a whole answer, Node tells first; see `#answered`.
      onUnasked: this.#guarded(() => this.#fail('UNASKED_ANSWER')),
      chunks: [],
      length: 0,
    };
    attempt.onInterrupt = () => this.#fail('interrupted');
  }

  /** Asks for a socket. */
  begin(): void {
    if (this.#pending === undefined) return;
    const { config, transport, target, addresses } = this.#pending;
    let request: http.ClientRequest;
    try {
      request = createRequest(config, transport, target, addresses?.lookup);
    } catch (error) {
      this.#fail('REQUEST_FAILED', kindOfThrown(error));
      return;
    }
    this.#pending.request = request;
    delete this.#pending.socket;
    request.on('error', (error: unknown) => this.#disconnected(kindOfThrown(error)));
    request.on('socket', (socket) => this.#guarded(() => this.#assigned(socket))());
    request.on('response', (response) => this.#guarded(() => this.#answered(response))());
    request.on('upgrade', (response, socket) => this.#guarded(() => this.#upgraded(response, socket))());
  }

  /** A socket of an agent of the app's may be anything, and throw whatever it is asked. */
  #guarded(work: () => void): () => void {
    return () => {
      try {
        work();
      } catch (error) {
        this.#fail('REQUEST_FAILED', kindOfThrown(error));
      }
    };
  }

  #assigned(socket: Socket): void {
    // An agent may give it twice.
    if (this.#pending === undefined || this.#pending.socket !== undefined) return;
    this.#pending.attempt.phase = 'connecting';
    this.#pending.socket = socket;
    // Until the request leaves, and no longer: then the socket is also others', of whoever shares the agent.
    socket.on('data', this.#pending.onUnasked);
    const send = this.#guarded(() => this.#send(socket));
    this.#whenReady(socket, () => afterReading(send));
  }

  /** Calls back once bytes can be written: connected, and over TLS with the handshake complete. */
  #whenReady(socket: Socket, ready: () => void): void {
    const { secureConnecting, encrypted, pending } = socket as Socket & {
      secureConnecting?: boolean;
      encrypted?: boolean;
    };
    // A real socket that connects has a handle from the first. One without is of a tool that stands in for the network,
    // and may connect only once it has been given the request.
    const isStandIn = socket.connecting && (socket as Socket & { _handle?: object | null })._handle === null;
    const isConnecting = !isStandIn && (socket.connecting || pending === true);
    const connected = (): void => this.#pending?.addresses?.connected();
    if (isConnecting) socket.once('connect', connected);
    else connected();
    if (this.#pending?.target.protocol !== 'https:') {
      if (isConnecting) socket.once('connect', ready);
      else ready();
    } else if (encrypted !== true && !isStandIn) {
      // What a proxy's agent hands on when the proxy has refused: the refusal comes as if it was the answer.
      afterReading(() => this.#fail('NOT_ENCRYPTED'));
    }
    // `secureConnecting` is set until the handshake is complete; Node's HTTP/2 client goes by it too.
    else if (!isStandIn && (secureConnecting === true || isConnecting)) socket.once('secureConnect', ready);
    else ready();
  }

  #send(socket: Socket): void {
    // The request may have failed or been given up meanwhile. What is written to a socket that has ended never leaves,
    // and whoever ended it says why.
    if (this.#pending?.request === undefined || this.#pending.socket !== socket || socket.destroyed) return;
    socket.off('data', this.#pending.onUnasked);
    if (!this.#pending.attempt.mayLeave()) {
      this.#fail('PERMIT_EXPIRED');
      return;
    }
    this.#pending.attempt.phase = 'sent';
    this.#pending.request.end(this.#pending.config.data);
  }

  #answered(response: http.IncomingMessage): void {
    if (this.#pending === undefined) return;
    this.#pending.attempt.httpStatus = response.statusCode ?? 0;
    if (this.#pending.attempt.phase !== 'sent') {
      // To nothing that was asked.
      const isTunnel = this.#pending.target.protocol === 'https:' && !isEncrypted(response.socket);
      this.#fail(isTunnel ? 'PROXY_REFUSED' : 'UNASKED_ANSWER');
      return;
    }
    this.#pending.response = response;
    this.#pending.attempt.phase = 'headers';
    response.on('data', (chunk: Buffer) => this.#read(chunk));
    response.on('error', (error: unknown) => this.#fail(kindOfThrown(error)));
    response.on('close', () => {
      if (this.#pending?.response?.complete === false) this.#fail('ECONNRESET');
    });
    response.on('end', () => this.#done());
  }

  /** An answer that is none: Node would close the connection without an error. */
  #upgraded(response: http.IncomingMessage, socket: Duplex): void {
    socket.destroy();
    if (this.#pending !== undefined) this.#pending.attempt.httpStatus = response.statusCode ?? 0;
    this.#fail('SWITCHED_PROTOCOLS');
  }

  #read(chunk: Buffer): void {
    if (this.#pending === undefined) return;
    this.#pending.length += chunk.length;
    if (this.#pending.length > this.#pending.transport.maxContentLength) this.#fail('RESPONSE_TOO_LARGE');
    else this.#pending.chunks.push(chunk);
  }

  #done(): void {
    // What was destroyed may still emit 'end' for what it had read.
    if (this.#pending?.response === undefined) return;
    // Node ends a connection on which a second answer came with the first. Which of them is this request's?
    if (this.#pending.request?.shouldKeepAlive === true && this.#pending.socket?.destroyed === true) {
      this.#fail('UNASKED_ANSWER');
      return;
    }
    const { config, attempt, request, response, chunks, length, resolve } = this.#pending;
    this.#pending = undefined;
    attempt.phase = 'done';
    // The socket is the next request's from here on.
    attempt.onInterrupt = undefined;
    const answer = {
      data: Buffer.concat(chunks, length),
      status: response.statusCode ?? 0,
      statusText: response.statusMessage ?? '',
      // Not by from(), which checks again, name by name, what Node has read.
      headers: Object.assign(new AxiosHeaders(), response.headers),
      config,
    };
    // The socket is free only when the request's last byte is known to have left, which over TLS is told a turn later.
    if (request?.writableFinished === true) resolve(answer);
    else setImmediate(resolve, answer);
  }

  /** The current address could not be connected to, or the connection was lost. */
  #disconnected(code: string): void {
    if (this.#pending === undefined) return;
    const { attempt, addresses, request } = this.#pending;
    const isConnected = attempt.phase !== 'queued' && attempt.phase !== 'connecting';
    if (isConnected || attempt.interruption !== undefined || !addresses?.next()) {
      this.#fail(code);
      return;
    }
    giveUp(request);
    this.begin();
  }

  #fail(code: string, thrown?: string): void {
    if (this.#pending === undefined) return;
    const { request, addresses, reject } = this.#pending;
    this.#pending = undefined;
    addresses?.connected();
    reject(new TransportError(code, thrown));
    giveUp(request);
  }
}

/** Node would read these from a changed `Object.prototype`. */
const NOTHING_INHERITED = {
  auth: undefined,
  maxHeaderSize: undefined,
  signal: undefined,
  socketPath: undefined,
};

function createRequest(
  config: SignedConfig,
  { httpAgent, httpsAgent }: Transport,
  { protocol, hostname, port, path }: RequestTarget,
  lookup: LookupFunction | undefined,
): http.ClientRequest {
  const headers = config.headers.toJSON() as http.OutgoingHttpHeaders;
  headers['Accept'] ??= 'application/json';
  // What a gateway may compress all the same is decoded.
  headers['Accept-Encoding'] ??= 'identity';
  headers['User-Agent'] ??= 'nestjs-rtc-messaging';
  const method = (config.method ?? 'GET').toUpperCase();
  if (method !== 'GET') headers['Content-Length'] = config.data?.length;
  const options = { ...NOTHING_INHERITED, protocol, hostname, port, path, method, headers, lookup };
  const request =
    protocol === 'https:'
      ? https.request({ ...options, agent: httpsAgent })
      : http.request({ ...options, agent: httpAgent });
  if (lookup !== undefined) rememberLookup(request, lookup);
  return request;
}

/**
 * Calls back when all bytes that have come by now have been read from every socket. The first turn of the event loop
 * may already be past its reading.
 */
function afterReading(done: () => void): void {
  setImmediate(() => setImmediate(done));
}

/** Nothing that it still does is of any interest. */
function giveUp(request: http.ClientRequest | undefined): void {
  request?.removeAllListeners();
  request?.on('error', () => undefined);
  try {
    request?.destroy();
  } catch {
    // A socket of the app's may throw that, too.
  }
}

function isEncrypted(socket: Socket): boolean {
  return (socket as Socket & { encrypted?: boolean }).encrypted === true;
}
