import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
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
import { CheckedHeaders, type SignableConfig } from './signing.interceptor.js';
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
    if (attempt.interruption !== undefined) reject(new TransportError(attempt.interruption));
    else new Exchange(config, attempt, transport, resolve, reject).begin();
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
  addresses: AddressList | undefined;
  request: http.ClientRequest | undefined;
  /** Of the request. */
  socket: Socket | undefined;
  response: http.IncomingMessage | undefined;
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
  /** Hears what comes on the socket before the request has left. Of what is a whole answer, Node tells first. */
  readonly #onUnasked = this.#listener(() => this.#fail('UNASKED_ANSWER'));

  constructor(
    config: SignedConfig,
    attempt: HttpAttempt,
    transport: Transport,
    resolve: Pending['resolve'],
    reject: Pending['reject'],
  ) {
    this.#pending = {
      config,
      attempt,
      transport,
      resolve,
      reject,
      target: config.target ?? {},
      addresses: undefined,
      request: undefined,
      socket: undefined,
      response: undefined,
      chunks: [],
      length: 0,
    };
    attempt.onInterrupt = () => this.#fail('interrupted');
  }

  begin(): void {
    if (this.#pending !== undefined) this.#askForSocket(this.#pending);
  }

  #askForSocket(pending: Pending): void {
    const { config, transport, target } = pending;
    let request: http.ClientRequest;
    try {
      const isOwnAgent = target.protocol === 'https:' ? transport.isOwnHttpsAgent : transport.isOwnHttpAgent;
      request = createRequest(config, transport, target, isOwnAgent ? this.#lookup : undefined);
    } catch (error) {
      this.#fail('REQUEST_FAILED', kindOfThrown(error));
      return;
    }
    pending.request = request;
    pending.socket = undefined;
    request.on(
      'error',
      this.#listener<unknown>((now, error) => this.#disconnected(now, kindOfThrown(error))),
    );
    request.on(
      'socket',
      this.#listener<Socket>((now, socket) => this.#assigned(now, socket)),
    );
    request.on(
      'response',
      this.#listener<http.IncomingMessage>((now, response) => this.#answered(now, response)),
    );
    request.on('upgrade', (response, socket) => this.#upgraded(response, socket));
  }

  /**
   * Makes a listener that does nothing once the exchange is over. A socket of an agent of the app's may be anything, and
   * throw whatever it is asked.
   */
  #listener<T = void>(work: (pending: Pending, what: T) => void): (what: T) => void {
    return (what) => {
      if (this.#pending === undefined) return;
      try {
        work(this.#pending, what);
      } catch (error) {
        this.#fail('REQUEST_FAILED', kindOfThrown(error));
      }
    };
  }

  /** Asked for the host's addresses only if a socket has to be made. */
  readonly #lookup: LookupFunction = (hostname, options, callback) => {
    const pending = this.#pending;
    if (pending === undefined) return callback(Object.assign(new Error(), { code: 'ECANCELED' }), '');
    const { attempt } = pending;
    pending.addresses ??= new AddressList(
      () => attempt.leftMs,
      this.#listener((now) => this.#disconnected(now, 'ETIMEDOUT')),
    );
    pending.addresses.lookup(hostname, options, callback);
  };

  #assigned(pending: Pending, socket: Socket): void {
    // An agent may give it twice.
    if (pending.socket !== undefined) return;
    pending.attempt.phase = 'connecting';
    pending.socket = socket;
    // Until the request leaves, and no longer: then the socket is also others', of whoever shares the agent.
    socket.on('data', this.#onUnasked);
    const send = this.#listener((now) => this.#send(now, socket));
    this.#whenReady(pending, socket, () => afterReading(send));
  }

  /** Calls back once bytes can be written: connected, and over TLS with the handshake complete. */
  #whenReady({ target, addresses }: Pending, socket: Socket, ready: () => void): void {
    const { secureConnecting, encrypted, pending } = socket as Socket & {
      secureConnecting?: boolean;
      encrypted?: boolean;
    };
    // A real socket that connects has a handle from the first. One without is of a tool that stands in for the network,
    // and may connect only once it has been given the request.
    const isStandIn = socket.connecting && (socket as Socket & { _handle?: object | null })._handle === null;
    const isConnecting = !isStandIn && (socket.connecting || pending === true);
    if (isConnecting) {
      socket.once(
        'connect',
        this.#listener((now) => now.addresses?.connected()),
      );
    } else addresses?.connected();
    if (target.protocol !== 'https:') {
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

  #send({ request, socket: current, attempt, config }: Pending, socket: Socket): void {
    // Another address may be tried meanwhile. What is written to a socket that has ended never leaves, and whoever ended
    // it says why.
    if (current !== socket || socket.destroyed) return;
    socket.off('data', this.#onUnasked);
    if (!attempt.mayLeave()) {
      this.#fail('PERMIT_EXPIRED');
      return;
    }
    attempt.phase = 'sent';
    try {
      request?.end(config.data);
    } catch (error) {
      // Node writes nothing before it has put the headers together, which it refuses to do with some.
      if (request?.headersSent === false) attempt.phase = 'connecting';
      throw error;
    }
  }

  #answered(pending: Pending, response: http.IncomingMessage): void {
    const { attempt, target } = pending;
    attempt.httpStatus = response.statusCode ?? 0;
    if (attempt.phase !== 'sent') {
      // To nothing that was asked.
      const isTunnel = target.protocol === 'https:' && !isEncrypted(response.socket);
      this.#fail(isTunnel ? 'PROXY_REFUSED' : 'UNASKED_ANSWER');
      return;
    }
    pending.response = response;
    attempt.phase = 'headers';
    response.on(
      'data',
      this.#listener<Buffer>((now, chunk) => this.#read(now, chunk)),
    );
    response.on(
      'error',
      this.#listener<unknown>((_now, error) => this.#fail(kindOfThrown(error))),
    );
    response.on('close', () => {
      if (this.#pending?.response?.complete === false) this.#fail('ECONNRESET');
    });
    response.on(
      'end',
      this.#listener((now) => this.#done(now)),
    );
  }

  /** An answer that is none: Node would close the connection without an error. */
  #upgraded(response: http.IncomingMessage, socket: Duplex): void {
    socket.destroy();
    if (this.#pending !== undefined) this.#pending.attempt.httpStatus = response.statusCode ?? 0;
    this.#fail('SWITCHED_PROTOCOLS');
  }

  #read(pending: Pending, chunk: Buffer): void {
    pending.length += chunk.length;
    if (pending.length > pending.transport.maxContentLength) this.#fail('RESPONSE_TOO_LARGE');
    else pending.chunks.push(chunk);
  }

  #done({ config, attempt, request, response, socket, chunks, length, resolve }: Pending): void {
    // What was destroyed may still emit 'end' for what it had read.
    if (response === undefined) return;
    // Node ends a connection on which a second answer came with the first. Which of them is this request's?
    if (request?.shouldKeepAlive === true && socket?.destroyed === true) {
      this.#fail('UNASKED_ANSWER');
      return;
    }
    this.#pending = undefined;
    attempt.phase = 'done';
    // The socket is the next request's from here on.
    attempt.onInterrupt = undefined;
    const answer = {
      // A copy, since a piece of it holds on to all that was read with it.
      data: Buffer.concat(chunks, length),
      status: response.statusCode ?? 0,
      statusText: response.statusMessage ?? '',
      // Not by from(), which checks again, name by name, what Node has read.
      headers: Object.assign(new CheckedHeaders(), response.headers),
      config,
    };
    // The socket is free only when the request's last byte is known to have left, which over TLS is told a turn later.
    if (request?.writableFinished === true) resolve(answer);
    else setImmediate(resolve, answer);
  }

  /** The current address could not be connected to, or the connection was lost. */
  #disconnected(pending: Pending, code: string): void {
    const { phase, interruption } = pending.attempt;
    const isConnected = phase !== 'queued' && phase !== 'connecting';
    if (isConnected || interruption !== undefined || pending.addresses?.next() !== true) {
      this.#fail(code);
      return;
    }
    giveUp(pending.request);
    this.#askForSocket(pending);
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

function createRequest(
  config: SignedConfig,
  { httpAgent, httpsAgent }: Transport,
  { protocol, hostname, port, path }: RequestTarget,
  lookup: LookupFunction | undefined,
): http.ClientRequest {
  const headers: http.OutgoingHttpHeaders = {
    Accept: 'application/json',
    // What a gateway may compress all the same is decoded.
    'Accept-Encoding': 'identity',
    'User-Agent': 'nestjs-rtc-messaging',
  };
  // As toJSON() would have it, which makes a slow object, one without a prototype.
  for (const [name, value] of Object.entries(config.headers)) {
    if (value !== undefined && value !== null && value !== false) headers[name] = value as string;
  }
  if (config.data?.length !== 0) headers['Content-Length'] = config.data?.length;
  const method = (config.method ?? 'GET').toUpperCase();
  const isHttps = protocol === 'https:';
  const agent = isHttps ? httpsAgent : httpAgent;
  const options = {
    protocol,
    hostname,
    port,
    path,
    method,
    headers,
    lookup,
    agent,
    // Node would read these from a changed `Object.prototype`.
    auth: undefined,
    maxHeaderSize: undefined,
    signal: undefined,
    socketPath: undefined,
  };
  const request = isHttps ? https.request(options) : http.request(options);
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
