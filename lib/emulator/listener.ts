import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { type EmulatorTls, secure } from './connection.js';
import type { Fault } from './fault.js';
import { rulesOf } from './fault-kinds.js';

/** What comes in. */
export interface ListenerEvents {
  readonly onRequest: RequestListener;
  /** What asks to become a WebSocket; what else is offered in a request is ignored. */
  onWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Asked for each connection that is made. */
  faultOfConnection(): Fault | undefined;
}

/** More are not accepted. */
const MAX_CONNECTIONS = 4_096;
/** None takes for ever to ask for something. */
const REQUEST_TIMEOUT_MS = 60_000;
const RESUME_AGAIN_MS = 250;

/** The emulator's HTTP server, behind a TCP server of its own: what goes wrong with a connection does so in between. */
export class Listener {
  readonly #tcp: TcpServer;
  readonly #http = createServer({ requestTimeout: REQUEST_TIMEOUT_MS });
  readonly #connections = new Set<Socket>();
  readonly #scheme: string;
  #address: AddressInfo | undefined;
  #host = '';
  #refusing: NodeJS.Timeout | undefined;
  #closed = false;
  #faultOfConnection: ListenerEvents['faultOfConnection'] = () => undefined;

  constructor(tls?: EmulatorTls) {
    this.#scheme = tls === undefined ? 'http' : 'https';
    // It does not listen by itself, and so would not look for requests that take too long.
    this.#http.emit('listening');
    const certificate = tls && createSecureContext(tls);
    this.#tcp = createTcpServer({ allowHalfOpen: tls === undefined, noDelay: true }, (tcp) => {
      this.#connections.add(tcp);
      tcp.once('close', () => this.#connections.delete(tcp));
      const fault = this.#faultOfConnection();
      const shown = (fault && rulesOf(fault).connect?.(tcp, fault)) ?? certificate;
      if (tcp.destroyed) return;
      this.#http.emit('connection', shown === undefined ? tcp : secure(tcp, shown));
    });
    this.#tcp.maxConnections = MAX_CONNECTIONS;
  }

  /** Says who serves what comes in. */
  serve({ onRequest, onWebSocket, faultOfConnection }: ListenerEvents): void {
    this.#faultOfConnection = faultOfConnection;
    this.#http.on('request', (request, response) => {
      if (this.#refusing !== undefined) response.shouldKeepAlive = false;
      onRequest(request, response);
    });
    this.#http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket') {
        onWebSocket(request, socket, head);
      } else {
        socket.unshift(Buffer.concat([headWithoutUpgrade(request), head]));
        this.#http.emit('connection', socket);
      }
    });
  }

  async listen(port: number, host: string): Promise<void> {
    this.#tcp.listen(port, host);
    await once(this.#tcp, 'listening');
    this.#address = this.#tcp.address() as AddressInfo;
    this.#host = host;
  }

  /** Where it listens, or did: an origin. */
  get url(): string {
    if (this.#address === undefined) throw new Error('The emulator has not started.');
    const { address, port, family } = this.#address;
    const scheme = this.#scheme;
    // A wildcard is no address to send to, and plain http: is for loopback alone.
    if (address === '0.0.0.0' || address === '::') return `${scheme}://127.0.0.1:${port}`;
    return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  get isTls(): boolean {
    return this.#scheme === 'https';
  }

  /** Refuses connections for so many milliseconds; requests that are under way are answered. */
  refuse(forMs: number): void {
    clearTimeout(this.#refusing);
    if (this.#tcp.listening) this.#tcp.close();
    this.#http.closeIdleConnections();
    this.#refusing = setTimeout(() => this.resume(), forMs);
  }

  /** Accepts connections again, on the same port. */
  resume(): void {
    clearTimeout(this.#refusing);
    this.#refusing = undefined;
    if (this.#closed || this.#tcp.listening) return;
    // Another process may have taken the port meanwhile: it is waited for.
    const again = (): void => {
      this.#refusing ??= setTimeout(() => this.resume(), RESUME_AGAIN_MS);
    };
    this.#tcp.removeAllListeners('error').once('error', again);
    this.#tcp.listen(this.#address?.port, this.#host);
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#refusing);
    const closed = this.#tcp.listening ? once(this.#tcp.close(), 'close') : undefined;
    this.#http.close();
    const ended = Array.from(this.#connections, (tcp) => once(tcp.destroy(), 'close'));
    await Promise.all([closed, ...ended]);
  }
}

/**
 * A request without what it offers to become: Java's HTTP client offers `h2c` with each request, and a server may
 * ignore that. Node hands over every such request as soon as anything may be upgraded.
 */
function headWithoutUpgrade({ method, url, httpVersion, headersDistinct }: IncomingMessage): Buffer {
  const { upgrade: _offered, ...others } = headersDistinct;
  const lines = Object.entries(others).flatMap(([name, values = []]) =>
    values.map((value) => `${name}: ${value}\r\n`),
  );
  return Buffer.from(`${method} ${url} HTTP/${httpVersion}\r\n${lines.join('')}\r\n`, 'latin1');
}
