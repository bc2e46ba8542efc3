import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Connections } from './connections.js';
import type { Fault } from './fault.js';
import { asksForWebSocket, putBackWithoutUpgrade } from './ignore-upgrade.js';

/** Certificate and private key of a server, in PEM. */
export interface EmulatorTls {
  /** The private key. */
  readonly key: string;
  /** The certificate, with those between it and the root. */
  readonly cert: string;
}

/** So many hold no more than some hundred MB, whatever they do. */
export const MAX_CONNECTIONS = 4_096;
const REQUEST_TIMEOUT_MS = 60_000;
const RESUME_AGAIN_MS = 250;

/** The emulator's server, with what can go wrong before there is a request. */
export class Listener {
  readonly server: Server | TlsServer;
  readonly #tls: EmulatorTls | undefined;
  /** The TCP sockets by the addresses and ports of both ends, since a TLS socket can't be reset itself. */
  readonly #sockets = new Map<string, Socket>();
  readonly #connections: Connections;
  #address: AddressInfo | undefined;
  #host = '';
  #refusing: NodeJS.Timeout | undefined;
  #closed = false;
  #wrongCertificate = false;

  constructor(
    onRequest: RequestListener,
    private readonly faultOfConnection: () => Fault | undefined,
    tls?: EmulatorTls,
    maxConnections = MAX_CONNECTIONS,
  ) {
    this.#tls = tls;
    this.#connections = new Connections(maxConnections);
    const admit: RequestListener = (request, response) => {
      const socket = this.socketOf(request.socket);
      if (socket !== undefined && this.#connections.admit(socket, request, response)) {
        onRequest(request, response);
      }
    };
    this.server = tls === undefined ? createServer(admit) : createTlsServer(tls, admit);
    // None takes for ever to ask for something.
    this.server.requestTimeout = REQUEST_TIMEOUT_MS;
    // Before the handshake, which TLS begins in a listener of its own, …
    this.server.prependListener('connection', (socket: Socket) => this.#meet(socket));
    // … and after it has been given its certificate.
    this.server.on('connection', () => {
      if (this.#wrongCertificate) this.#showCertificate(this.#tls);
      this.#wrongCertificate = false;
    });
    this.server.on('request', (_request, response) => {
      if (this.#refusing !== undefined) response.shouldKeepAlive = false;
    });
  }

  /** What asks to become a WebSocket comes here; what else is offered in a request is ignored. */
  onWebSocket(act: (request: IncomingMessage, socket: Duplex, head: Buffer) => void): void {
    this.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (asksForWebSocket(request)) {
        const tcpSocket = this.socketOf(request.socket);
        if (tcpSocket !== undefined) this.#connections.upgrade(tcpSocket);
        act(request, socket, head);
      } else {
        putBackWithoutUpgrade(request, socket, head);
        this.server.emit(this.isTls ? 'secureConnection' : 'connection', socket);
      }
    });
  }

  async listen(port: number, host: string): Promise<void> {
    this.server.listen(port, host);
    await once(this.server, 'listening');
    this.#address = this.server.address() as AddressInfo;
    this.#host = host;
  }

  /** Where it listens, or did: an origin. */
  get url(): string {
    if (this.#address === undefined) throw new Error('The emulator has not started.');
    const { address, port, family } = this.#address;
    const scheme = this.#tls === undefined ? 'http' : 'https';
    // A wildcard is no address to send to, and plain http: is for loopback alone.
    if (address === '0.0.0.0' || address === '::') return `${scheme}://127.0.0.1:${port}`;
    return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  get isTls(): boolean {
    return this.#tls !== undefined;
  }

  /** The TCP socket of a connection, also under TLS. */
  socketOf(socket: Socket): Socket | undefined {
    return this.#sockets.get(endsOf(socket));
  }

  /** How many connections were ended because they, or the requests on them, were too many. */
  get endedConnections(): number {
    return this.#connections.ended;
  }

  /** Refuses connections for so many milliseconds; requests that are under way are answered. */
  refuse(forMs: number): void {
    clearTimeout(this.#refusing);
    if (this.server.listening) this.server.close();
    this.#refusing = setTimeout(() => this.resume(), forMs);
  }

  /** Accepts connections again, on the same port. */
  resume(): void {
    clearTimeout(this.#refusing);
    this.#refusing = undefined;
    if (this.#closed || this.server.listening) return;
    // Another process may have taken the port meanwhile: it is waited for.
    const again = (): void => {
      this.#refusing ??= setTimeout(() => this.resume(), RESUME_AGAIN_MS);
    };
    this.server.removeAllListeners('error').once('error', again);
    this.server.listen(this.#address?.port, this.#host);
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#refusing);
    const connections = [...this.#sockets.values()];
    const ended = connections.map((socket) => once(socket, 'close'));
    if (this.server.listening) {
      ended.push(once(this.server, 'close'));
      this.server.close();
    }
    for (const socket of connections) socket.destroy();
    await Promise.all(ended);
  }

  #meet(socket: Socket): void {
    const ends = endsOf(socket);
    // One that was handed back, without its upgrade.
    if (this.#sockets.get(ends) === socket) return;
    this.#sockets.set(ends, socket);
    socket.on('close', () => this.#sockets.delete(ends));
    this.#connections.add(socket);
    const fault = this.faultOfConnection();
    if (fault?.kind === 'reset_connection') socket.resetAndDestroy();
    if (fault?.kind !== 'untrusted_certificate') return;
    this.#showCertificate(fault);
    this.#wrongCertificate = true;
  }

  #showCertificate(tls: EmulatorTls | undefined): void {
    if (tls !== undefined && 'setSecureContext' in this.server) {
      this.server.setSecureContext({ key: tls.key, cert: tls.cert });
    }
  }
}

function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
