import type { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

/** Certificate and private key of a server, in PEM. */
export interface EmulatorTls {
  /** The private key. */
  readonly key: string;
  /** The certificate, with those between it and the root. */
  readonly cert: string;
}

/** What is wrong with a private key and its certificate. */
export function certificateProblem({ key, cert }: EmulatorTls): string | undefined {
  try {
    if (key && cert && createSecureContext({ key, cert })) return undefined;
  } catch {
    // OpenSSL's own words name neither.
  }
  return 'key and cert must be PEM texts that belong together';
}

const belowTls = new WeakMap<Socket, Socket>();

/** Speaks TLS on a connection. */
export function secure(tcp: Socket, secureContext: SecureContext): Socket {
  const socket = new TLSSocket(tcp, { isServer: true, secureContext });
  belowTls.set(socket, tcp);
  return socket;
}

/** The TCP socket of a connection: one of TLS can't be reset. */
export function tcpSocketOf(socket: Socket): Socket {
  return belowTls.get(socket) ?? socket;
}
