import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Fault } from './fault.js';
import { rulesOf } from './fault-kinds.js';
import type { EmulatorTls } from './rtc-emulator-options.js';

/** What comes in. */
export interface ListenerEvents {
  readonly onRequest: RequestListener;
  /** What asks to become something else, such as a WebSocket. */
  onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Asked for each connection that is made. */
  faultOfConnection(): Fault | undefined;
}

/** More are not accepted. */
const MAX_CONNECTIONS = 4_096;
/** None takes for ever to ask for something. */
const OPTIONS = { requestTimeout: 60_000 };
const RESUME_AGAIN_MS = 250;

/** The emulator's HTTP or HTTPS server, and what goes wrong with its connections. */
export class Listener {
  /** Where it listens, or did: an origin. */
  url = '';
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  // Private to the language: whoever prints it must not print a private key.
  readonly #tls: EmulatorTls | undefined;
  /** What the next connection is shown. */
  #shown: EmulatorTls | undefined;
  #place: ListenOptions = {};
  #refusing: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(tls?: EmulatorTls) {
    this.#tls = this.#shown = tls;
    this.#server = tls === undefined ? createHttpServer(OPTIONS) : createHttpsServer({ ...OPTIONS, ...tls });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Says who serves what comes in. */
  serve({ onRequest, onUpgrade, faultOfConnection }: ListenerEvents): void {
    // Before the server begins with it: a handshake has the certificate that is set by then.
    this.#server.prependListener('connection', (tcp: Socket) => {
      this.#connections.add(tcp);
      tcp.once('close', () => this.#connections.delete(tcp));
      const fault = faultOfConnection();
      const shown = (fault && rulesOf(fault).connect?.(tcp, fault)) ?? this.#tls;
      if (shown !== undefined && shown !== this.#shown) {
        (this.#server as HttpsServer).setSecureContext((this.#shown = shown));
      }
    });
    this.#server.on('request', (request, response) => {
      if (this.#refusing !== undefined) response.shouldKeepAlive = false;
      onRequest(request, response);
    });
    this.#server.on('upgrade', onUpgrade);
  }

  async listen(port: number, host: string): Promise<void> {
    await once(this.#server.listen(port, host), 'listening');
    const { address, family, ...at } = this.#server.address() as AddressInfo;
    this.#place = { ...at, host };
    // A wildcard is no address to send to, and plain http: is for loopback alone.
    const isWildcard = address === '0.0.0.0' || address === '::';
    const name = isWildcard ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
    this.url = `${this.isTls ? 'https' : 'http'}://${name}:${at.port}`;
  }

  get isTls(): boolean {
    return this.#tls !== undefined;
  }

  /** Refuses connections for so many milliseconds; requests that are under way are answered. */
  refuse(forMs: number): void {
    clearTimeout(this.#refusing);
    this.#server.close();
    this.#refusing = setTimeout(() => this.resume(), forMs);
  }

  /** Accepts connections again, on the same port. */
  resume(): void {
    clearTimeout(this.#refusing);
    this.#refusing = undefined;
    if (this.#closed || this.#server.listening) return;
    // Another process may have taken the port meanwhile: it is waited for.
    const again = (): void => {
      this.#refusing ??= setTimeout(() => this.resume(), RESUME_AGAIN_MS);
    };
    this.#server.removeAllListeners('error').once('error', again);
    this.#server.listen(this.#place);
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#refusing);
    // Also where it is about to listen again, and does not yet.
    const closed = once(this.#server.close(), 'close');
    const ended = Array.from(this.#connections, (tcp) => once(tcp.destroy(), 'close'));
    await Promise.all([closed, ...ended]);
  }
}
