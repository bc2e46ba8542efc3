import type { Duplex } from 'node:stream';

/** Sockets, and whether the next bytes that come from each are the answer to a request of ours. */
const expecting = new WeakMap<Duplex, { answer: boolean }>();

/**
 * Watches a socket as long as it lives: bytes that come while nothing was asked are of no request's answer (a second
 * answer to the one before, say), and would be read as the next one's. So the socket ends with them.
 */
export function watchAnswers(socket: Duplex): { answer: boolean } {
  let state = expecting.get(socket);
  if (state === undefined) {
    const watched = { answer: false };
    socket.on('data', () => {
      if (!watched.answer) socket.destroy();
    });
    expecting.set(socket, watched);
    state = watched;
  }
  return state;
}

/**
 * Calls back when all bytes that have come by now have been read from every socket. The first turn of the event loop
 * may already be past its reading.
 */
export function afterReading(done: () => void): void {
  setImmediate(() => setImmediate(done));
}
