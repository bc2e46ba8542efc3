// Called as members of their modules, since tools that fake the network replace those. One call for each module, since
// webpack loses members of a module that is chosen by an expression.
import type { EventEmitter } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { kindOfThrown } from '../errors/thrown.js';
import { type HttpAttempt, RESPONSE_TOO_LARGE, TransportError } from './http-attempt.js';
import type { SignedConfig } from './signing.interceptor.js';

/** The agents that send requests. */
export interface Transport {
  readonly httpAgent: http.Agent;
  readonly httpsAgent: https.Agent;
  /** Longest answer that is read, in bytes. */
  readonly maxContentLength: number;
}

/** A complete response. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Sends one request over `node:http(s)`. Axios's own adapter does not show how far a request got, and changes some
 * bodies. Here the body is held back until the connection is ready and everything that arrived on it before was read.
 * So a failure before that proves that the remote side has no byte of the body, and an older answer is never taken for
 * this request's. (A late answer that arrives after the request was sent can't be recognised.) Redirects are not
 * followed and environment proxies are not used.
 */
export function sendOverNodeHttp(
  config: SignedConfig,
  attempt: HttpAttempt,
  transport: Transport,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    new Exchange({ config, attempt, transport, resolve, reject, chunks: [], length: 0 }).begin();
  });
}

/** The state of an exchange until it is over. */
interface Pending {
  readonly config: SignedConfig;
  readonly attempt: HttpAttempt;
  readonly transport: Transport;
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: TransportError) => void;
  request?: http.ClientRequest;
  /** The request's socket. */
  socket?: Socket;
  response?: http.IncomingMessage;
  readonly chunks: Buffer[];
  length: number;
}

/** What the types of a socket leave out: TLS, and whether Node's own code is behind it. */
type AnySocket = Socket & { encrypted?: boolean; secureConnecting?: boolean; _handle?: object | null };

/**
 * One request and its response. All its state hangs on one field, which is cleared at the end. Under load, V8 moves
 * listener tables to the old generation, where only a full collection frees them. Listeners that still held the request
 * would move every call there too, which costs half as much as the call itself.
 */
class Exchange {
  #pending: Pending | undefined;

  constructor(pending: Pending) {
    this.#pending = pending;
    pending.attempt.onInterrupt = () => this.#fail('interrupted');
  }

  begin(): void {
    this.#listener((now) => {
      if (now.attempt.interruption !== undefined) {
        this.#fail('interrupted');
        return;
      }
      const request = createRequest(now);
      now.request = request;
      this.#on(request, 'error', (_now, error: unknown) => this.#fail(kindOfThrown(error)));
      this.#on(request, 'socket', (current, socket: Socket) => this.#assigned(current, socket));
      this.#on(request, 'response', (current, response: http.IncomingMessage) =>
        this.#answered(current, response),
      );
      // The answer switches protocols. Node would close the connection without an error.
      this.#on(request, 'upgrade', ({ attempt }, response: http.IncomingMessage) => {
        response.socket.destroy();
        attempt.httpStatus = response.statusCode;
        this.#fail('SWITCHED_PROTOCOLS');
      });
    })();
  }

  #on<T>(emitter: EventEmitter, event: string, work: (pending: Pending, what: T) => void): void {
    emitter.on(event, this.#listener(work));
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

  /** Sends the request when bytes can be written: connected, and over TLS with the handshake complete. */
  #assigned(now: Pending, socket: AnySocket): void {
    // An agent may assign a socket twice.
    if (now.socket !== undefined) return;
    now.attempt.phase = 'connecting';
    now.socket = socket;
    const { bytesRead, connecting, encrypted, pending, secureConnecting } = socket;
    const isHttps = now.config.target.protocol === 'https:';
    // A real socket has a handle from the first. A socket without one belongs to a tool that fakes the network, and may
    // connect only after the request was written.
    const isStandIn = connecting && socket._handle === null;
    // A proxy's agent returns a plain socket if the proxy refused, so that the refusal looks like the answer.
    const isPlain = isHttps && encrypted !== true && !isStandIn;
    // `secureConnecting` is set until the handshake is complete. Node's HTTP/2 client uses it too.
    const isConnecting = connecting || pending === true || (isHttps && secureConnecting === true);
    const send = this.#listener((current) => {
      // Bytes that are written to a closed socket are never sent, and its own error says why.
      if (socket.destroyed) return;
      if (isPlain) this.#fail('NOT_ENCRYPTED');
      // Node reports a complete answer itself.
      else if (socket.bytesRead !== bytesRead) this.#fail('UNASKED_ANSWER');
      else if (!current.attempt.mayLeave()) this.#fail('PERMIT_EXPIRED');
      else this.#send(current);
    });
    if (!isConnecting || isStandIn || isPlain) afterReading(send);
    else socket.once(isHttps ? 'secureConnect' : 'connect', () => afterReading(send));
  }

  #send({ request, attempt, config }: Pending): void {
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
    const { attempt, config } = pending;
    attempt.httpStatus = response.statusCode;
    if (attempt.phase !== 'sent') {
      // An answer before the request was sent.
      const isTunnel = config.target.protocol === 'https:' && !(response.socket as AnySocket).encrypted;
      this.#fail(isTunnel ? 'PROXY_REFUSED' : 'UNASKED_ANSWER');
      return;
    }
    pending.response = response;
    attempt.phase = 'headers';
    this.#on(response, 'data', (now, chunk: Buffer) => {
      now.length += chunk.length;
      if (now.length > now.transport.maxContentLength) this.#fail(RESPONSE_TOO_LARGE);
      else now.chunks.push(chunk);
    });
    this.#on(response, 'error', (_now, error: unknown) => this.#fail(kindOfThrown(error)));
    this.#on(response, 'close', (now) => {
      if (now.response?.complete === false) this.#fail('ECONNRESET');
    });
    this.#on(response, 'end', (now) => this.#done(now));
  }

  #done({ attempt, request, response, socket, chunks, length, resolve }: Pending): void {
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
    const answer: HttpAnswer = {
      status: response.statusCode ?? 0,
      headers: response.headers,
      // A copy, since a slice keeps the whole read buffer alive.
      body: Buffer.concat(chunks, length),
    };
    // The socket is free only when Node knows that the request's last byte was sent. Over TLS, that is a turn later.
    if (request?.writableFinished === true) resolve(answer);
    else setImmediate(resolve, answer);
  }

  /** Ends the exchange, and destroys the request. Its further events are ignored. */
  #fail(code: string, thrown?: string): void {
    if (this.#pending === undefined) return;
    const { request, reject } = this.#pending;
    this.#pending = undefined;
    reject(new TransportError(code, thrown));
    request?.removeAllListeners();
    request?.on('error', () => undefined);
    try {
      request?.destroy();
    } catch {
      // A socket of the app's own agent may throw.
    }
  }
}

/** Least time for an address of a host to connect before the next is tried, in milliseconds. */
const LEAST_PER_ADDRESS_MS = 250;

function createRequest({ config, attempt, transport }: Pending): http.ClientRequest {
  const { target, headers: given, data: body, method } = config;
  const { httpAgent, httpsAgent } = transport;
  const headers: http.OutgoingHttpHeaders = {
    Accept: 'application/json',
    // A gateway may still compress the answer. It is decoded.
    'Accept-Encoding': 'identity',
    'User-Agent': 'nestjs-rtc-messaging',
  };
  // As Axios's toJSON() would have it, which makes a slow object, one without a prototype.
  for (const name of Object.keys(given)) {
    const value: unknown = given[name];
    if (value !== undefined && value !== null && value !== false) headers[name] = value as string;
  }
  if (body.length > 0) headers['Content-Length'] = body.length;
  const { protocol, hostname, port, path } = target;
  const isHttps = protocol === 'https:';
  // Each field by its name: the spread of another object costs 10 µs here.
  const options: http.RequestOptions & Pick<TcpNetConnectOpts, 'autoSelectFamilyAttemptTimeout'> = {
    protocol,
    hostname,
    port,
    path,
    method: method.toUpperCase(),
    headers,
    agent: isHttps ? httpsAgent : httpAgent,
    // Node's 250 ms are too short for a slow handshake. They would make it impossible where another address is dead.
    autoSelectFamilyAttemptTimeout: Math.max(LEAST_PER_ADDRESS_MS, Math.ceil(attempt.leftMs / 2)),
    // Node would read these from a changed `Object.prototype`.
    auth: undefined,
    lookup: undefined,
    maxHeaderSize: undefined,
    signal: undefined,
    socketPath: undefined,
  };
  return isHttps ? https.request(options) : http.request(options);
}

/**
 * Calls back when all bytes that have arrived were read from every socket. The first turn of the event loop may already
 * be past its reading, so two turns.
 */
function afterReading(done: () => void): void {
  setImmediate(() => setImmediate(done));
}
