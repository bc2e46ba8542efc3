import type { AxiosResponse, InternalAxiosRequestConfig } from 'axios';
// Called as members of their modules, since tools that fake the network replace those. One call for each module, since
// webpack loses members of a module that is chosen by an expression.
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AddressList, rememberLookup } from './address-list.js';
import { type HttpAttempt, RESPONSE_TOO_LARGE } from './http-attempt.js';
import type { Transport } from './http-client.js';
import type { RequestTarget } from './request-signer.js';
import { CheckedHeaders, type SignableConfig } from './signing.interceptor.js';
import { kindOfThrown } from '../errors/thrown.js';

/** A request after the signing interceptor. */
type SignedConfig = InternalAxiosRequestConfig<Buffer> & Pick<SignableConfig, 'target'>;

/** The transport failed. Only the code is kept, since Node's own errors may carry the request. */
export class TransportError extends Error {
  /** @param thrown kind of an unexpected error */
  constructor(
    readonly code: string,
    readonly thrown?: string,
  ) {
    super(code);
  }
}

/**
 * Sends one request over `node:http(s)`. Axios's own adapter does not show how far a request got, and changes some
 * bodies. Here the body is held back until the connection is ready and everything that arrived on it before was read.
 * So a failure before that proves that the remote side has no byte of the body, and an older answer is never taken for
 * this request's. (A late answer that arrives after the request was sent can't be recognised.) Redirects are not
 * followed and environment proxies are not used. The response's body is returned as a Buffer.
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

/** The state of an exchange until it is over. */
interface Pending {
  readonly config: SignedConfig;
  readonly attempt: HttpAttempt;
  readonly transport: Transport;
  readonly resolve: (response: AxiosResponse<Buffer>) => void;
  readonly reject: (error: TransportError) => void;
  readonly target: RequestTarget;
  addresses: AddressList | undefined;
  request: http.ClientRequest | undefined;
  /** The request's socket. */
  socket: Socket | undefined;
  response: http.IncomingMessage | undefined;
  readonly chunks: Buffer[];
  length: number;
}

/**
 * One request and its response. All its state hangs on one field, which is cleared at the end. Under load, V8 moves
 * listener tables to the old generation, where only a full collection frees them. Listeners that still held the request
 * would move every call there too, which costs half as much as the call itself.
 */
class Exchange {
  #pending: Pending | undefined;
  /** Fails the exchange when data arrives before the request is sent. Node reports a complete answer first. */
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
   * Makes a listener that does nothing after the exchange. A socket of the app's own agent may throw from any property.
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

  /** Called only when a new socket is made. */
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
    // An agent may assign a socket twice.
    if (pending.socket !== undefined) return;
    pending.attempt.phase = 'connecting';
    pending.socket = socket;
    // Removed when the request is sent: afterwards, other users of the agent share the socket.
    socket.on('data', this.#onUnasked);
    const send = this.#listener((now) => this.#send(now, socket));
    this.#whenReady(pending, socket, () => afterReading(send));
  }

  /** Calls back when bytes can be written: connected, and over TLS with the handshake complete. */
  #whenReady({ target, addresses }: Pending, socket: Socket, ready: () => void): void {
    const { secureConnecting, encrypted, pending } = socket as Socket & {
      secureConnecting?: boolean;
      encrypted?: boolean;
    };
    // A real socket has a handle from the first. A socket without one belongs to a tool that fakes the network, and may
    // connect only after the request was written.
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
      // A proxy's agent returns a plain socket if the proxy refused, so that the refusal looks like the answer.
      afterReading(() => this.#fail('NOT_ENCRYPTED'));
    }
    // `secureConnecting` is set until the handshake is complete. Node's HTTP/2 client uses it too.
    else if (!isStandIn && (secureConnecting === true || isConnecting)) socket.once('secureConnect', ready);
    else ready();
  }

  #send({ request, socket: current, attempt, config }: Pending, socket: Socket): void {
    // Another address may be tried by now. Bytes that are written to a closed socket are never sent, and its own error
    // says why.
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
      // An answer before the request was sent.
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

  /** The answer switches protocols. Node would close the connection without an error. */
  #upgraded(response: http.IncomingMessage, socket: Duplex): void {
    socket.destroy();
    if (this.#pending !== undefined) this.#pending.attempt.httpStatus = response.statusCode ?? 0;
    this.#fail('SWITCHED_PROTOCOLS');
  }

  #read(pending: Pending, chunk: Buffer): void {
    pending.length += chunk.length;
    if (pending.length > pending.transport.maxContentLength) this.#fail(RESPONSE_TOO_LARGE);
    else pending.chunks.push(chunk);
  }

  #done({ config, attempt, request, response, socket, chunks, length, resolve }: Pending): void {
    // A destroyed response may still emit 'end' for data that it had read.
    if (response === undefined) return;
    // Node closes a connection if a second answer came with the first. It is unclear which of them answers this
    // request.
    if (request?.shouldKeepAlive === true && socket?.destroyed === true) {
      this.#fail('UNASKED_ANSWER');
      return;
    }
    this.#pending = undefined;
    attempt.phase = 'done';
    // From here on, the next request may use the socket.
    attempt.onInterrupt = undefined;
    const answer = {
      // A copy, since a slice keeps the whole read buffer alive.
      data: Buffer.concat(chunks, length),
      status: response.statusCode ?? 0,
      statusText: response.statusMessage ?? '',
      // Not by from(), which would check Node's names again.
      headers: Object.assign(new CheckedHeaders(), response.headers),
      config,
    };
    // The socket is free only when Node knows that the request's last byte was sent. Over TLS, that is a turn later.
    if (request?.writableFinished === true) resolve(answer);
    else setImmediate(resolve, answer);
  }

  /** Connecting to the current address failed, or the connection was lost. */
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
    // A gateway may still compress the answer. It is decoded.
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
 * Calls back when all bytes that have arrived were read from every socket. The first turn of the event loop may already
 * be past its reading, so two turns.
 */
function afterReading(done: () => void): void {
  setImmediate(() => setImmediate(done));
}

/** Destroys a request. Its further events are ignored. */
function giveUp(request: http.ClientRequest | undefined): void {
  request?.removeAllListeners();
  request?.on('error', () => undefined);
  try {
    request?.destroy();
  } catch {
    // A socket of the app's own agent may throw.
  }
}

function isEncrypted(socket: Socket): boolean {
  return (socket as Socket & { encrypted?: boolean }).encrypted === true;
}
