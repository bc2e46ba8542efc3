import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Of each connection, what is to be done once it has gone: one listener for all of its requests. */
const waiting = new WeakMap<Socket, Set<() => void>>();

/** Calls back when a connection has gone. @returns what makes it not do so */
export function onceGone(socket: Socket, act: () => void): () => void {
  let acts = waiting.get(socket);
  if (acts === undefined) {
    const all = new Set<() => void>();
    acts = all;
    waiting.set(socket, all);
    socket.once('close', () => {
      for (const one of all) one();
    });
  }
  const all = acts;
  all.add(act);
  return () => void all.delete(act);
}

/**
 * Calls back once, when an answer has gone, or its connection has. Node does not tell the answers behind the first that
 * their connection has gone.
 */
export function onceOver(response: ServerResponse, act: () => void): void {
  let isOver = false;
  const once = (): void => {
    if (isOver) return;
    isOver = true;
    forget();
    act();
  };
  const forget = onceGone(response.req.socket, once);
  response.once('close', once);
}
