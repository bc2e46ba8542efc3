import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import type * as http from 'node:http';
// By name: webpack loses members of a module that is called by way of an expression.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { HttpAttempt } from './http-attempt.js';
import type { Transport } from './http-client.js';

/** The transport failed; only the code is kept, since Node's own errors may carry the request. */
export class TransportError extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/**
 * Sends one request over `node:http(s)` in place of Axios's own adapter, which shows neither how far a
 * request came nor sends every body as it is. The body is held back until the connection is ready, so that a
 * failure before that proves that the remote side has none of it. Redirects are not followed, environment
 * proxies are not used, and the response's body is handed on as a Buffer.
 */
export function sendOverNodeHttp(
  config: InternalAxiosRequestConfig,
  attempt: HttpAttempt,
  transport: Transport,
): Promise<AxiosResponse<Buffer>> {
  return new Promise((resolve, reject) => {
    if (attempt.interruption !== undefined) {
      reject(new TransportError(attempt.interruption));
      return;
    }
    const request = createRequest(config, transport);
    const maxLength = transport.maxContentLength;
    const pending = { config, attempt, request, maxLength, resolve, reject, chunks: [], length: 0 };
    new Exchange(pending).begin(request);
  });
}

/** What an exchange needs until it is over. */
interface Pending {
  readonly config: InternalAxiosRequestConfig;
  readonly attempt: HttpAttempt;
  readonly request: http.ClientRequest;
  readonly maxLength: number;
  readonly resolve: (response: AxiosResponse<Buffer>) => void;
  readonly reject: (error: TransportError) => void;
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

  constructor(pending: Pending) {
    this.#pending = pending;
    pending.attempt.onInterrupt = () => this.#fail('interrupted');
  }

  begin(request: http.ClientRequest): void {
    request.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.name));
    request.on('socket', (socket) => this.#assigned(socket));
    request.on('response', (response) => this.#answered(response));
    request.on('upgrade', (response, socket) => this.#upgraded(response, socket));
  }

  #assigned(socket: Socket): void {
    if (this.#pending === undefined) return;
    this.#pending.attempt.phase = 'connecting';
    whenReady(socket, () => {
      // The connection may become ready after this request has failed or was given up.
      if (this.#pending === undefined) return;
      this.#pending.attempt.phase = 'sent';
      this.#pending.request.end(this.#pending.config.data);
    });
  }

  #answered(response: http.IncomingMessage): void {
    if (this.#pending === undefined) return;
    this.#pending.response = response;
    this.#pending.attempt.phase = 'headers';
    this.#pending.attempt.httpStatus = response.statusCode ?? 0;
    response.on('data', (chunk: Buffer) => this.#read(chunk));
    response.on('error', (error: NodeJS.ErrnoException) => this.#fail(error.code ?? error.name));
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
    if (this.#pending.length > this.#pending.maxLength) this.#fail('RESPONSE_TOO_LARGE');
    else this.#pending.chunks.push(chunk);
  }

  #done(): void {
    // What was destroyed may still emit 'end' for what it had read.
    if (this.#pending?.response === undefined) return;
    const { config, attempt, response, chunks, length, resolve } = this.#pending;
    this.#pending = undefined;
    attempt.phase = 'done';
    // The socket is the next request's from here on.
    attempt.onInterrupt = undefined;
    resolve({
      data: Buffer.concat(chunks, length),
      status: response.statusCode ?? 0,
      statusText: response.statusMessage ?? '',
      // Not by from(), which checks again, name by name, what Node has read.
      headers: Object.assign(new AxiosHeaders(), response.headers),
      config,
    });
  }

  #fail(code: string): void {
    if (this.#pending === undefined) return;
    const { request, reject } = this.#pending;
    this.#pending = undefined;
    request.destroy();
    reject(new TransportError(code));
  }
}

function createRequest(
  config: InternalAxiosRequestConfig<Buffer>,
  { httpAgent, httpsAgent, targets }: Transport,
): http.ClientRequest {
  const { protocol, hostname, port, path } = targets.of(config.url ?? '');
  const secure = protocol === 'https:';
  const headers = config.headers.toJSON() as http.OutgoingHttpHeaders;
  headers['Accept'] ??= 'application/json';
  headers['User-Agent'] ??= 'nestjs-rtc-messaging';
  headers['Content-Length'] = config.data?.length;
  const agent = secure ? httpsAgent : httpAgent;
  const method = (config.method ?? 'GET').toUpperCase();
  return (secure ? httpsRequest : httpRequest)({ protocol, hostname, port, path, method, headers, agent });
}

/** Calls back once bytes can be written: connected, and over TLS with the handshake complete. */
function whenReady(socket: Socket, ready: () => void): void {
  // `secureConnecting` is set until the handshake is complete; Node's HTTP/2 client goes by it too.
  const handshaking = (socket as Socket & { secureConnecting?: boolean }).secureConnecting === true;
  if (socket instanceof TLSSocket && handshaking) socket.once('secureConnect', ready);
  else if (socket.connecting) socket.once('connect', ready);
  else ready();
}
