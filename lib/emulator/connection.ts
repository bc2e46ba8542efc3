import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';

const belowTls = new WeakMap<Socket, Socket>();
/** Of each connection, what is to be done once it has gone: one listener for all of its requests. */
const whenGone = new WeakMap<Socket, Set<() => void>>();

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

/** Calls back when a connection has gone. @returns what makes it not do so, and says whether it would have */
export function onceGone(socket: Socket, act: () => void): () => boolean {
  const acts = whenGone.get(socket) ?? new Set();
  if (!whenGone.has(socket)) {
    whenGone.set(socket, acts);
    socket.once('close', () => {
      for (const one of acts) one();
    });
  }
  acts.add(act);
  return () => acts.delete(act);
}

/**
 * Calls back once, when an answer has gone, or its connection has. Node does not tell the answers behind the first that
 * their connection has gone.
 */
export function onceOver(response: ServerResponse, act: () => void): void {
  const once = (): void => {
    if (forget()) act();
  };
  const forget = onceGone(response.req.socket, once);
  response.once('close', once);
  // It may have gone before the request had its turn.
  if (response.req.socket.closed) queueMicrotask(once);
}
