import { AxiosHeaders, type AxiosResponse, type InternalAxiosRequestConfig } from 'axios';
import * as http from 'node:http';
import * as https from 'node:https';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { urlToHttpOptions } from 'node:url';
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
    const url = new URL(config.url ?? '');
    const secure = url.protocol === 'https:';
    const body = config.data as Buffer;
    const request = (secure ? https : http).request({
      ...urlToHttpOptions(url),
      method: (config.method ?? 'GET').toUpperCase(),
      headers: {
        Accept: 'application/json',
        'User-Agent': 'nestjs-rtc-messaging',
        ...(config.headers.toJSON() as http.OutgoingHttpHeaders),
        'Content-Length': body.length,
      },
      agent: secure ? transport.httpsAgent : transport.httpAgent,
    });

    // What is destroyed may still emit 'end' for what it had read.
    let failed = false;
    const fail = (code: string): void => {
      failed = true;
      request.destroy();
      reject(new TransportError(code));
    };
    attempt.onInterrupt = () => fail('interrupted');

    request.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.name));
    // An answer that is none: Node would close the connection without an error.
    request.on('upgrade', (response, socket) => {
      attempt.httpStatus = response.statusCode ?? 0;
      socket.destroy();
      fail('SWITCHED_PROTOCOLS');
    });
    request.on('socket', (socket) => {
      attempt.phase = 'connecting';
      whenReady(socket, () => {
        // The connection may become ready after this request has failed or was given up.
        if (failed) return;
        attempt.phase = 'sent';
        request.end(body);
      });
    });
    request.on('response', (response) => {
      attempt.phase = 'headers';
      attempt.httpStatus = response.statusCode ?? 0;
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > transport.maxContentLength) fail('RESPONSE_TOO_LARGE');
        else chunks.push(chunk);
      });
      response.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.name));
      response.on('close', () => {
        if (!response.complete) fail('ECONNRESET');
      });
      response.on('end', () => {
        if (failed) return;
        attempt.phase = 'done';
        // The socket is the next request's from here on.
        attempt.onInterrupt = undefined;
        resolve({
          data: Buffer.concat(chunks, length),
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          headers: AxiosHeaders.from(response.headers as Record<string, string>),
          config,
        });
      });
    });
  });
}

/** Calls back once bytes can be written: connected, and over TLS with the handshake complete. */
function whenReady(socket: Socket, ready: () => void): void {
  // `secureConnecting` is set until the handshake is complete; Node's HTTP/2 client goes by it too.
  const handshaking = (socket as Socket & { secureConnecting?: boolean }).secureConnecting === true;
  if (socket instanceof TLSSocket && handshaking) socket.once('secureConnect', ready);
  else if (socket.connecting) socket.once('connect', ready);
  else ready();
}
