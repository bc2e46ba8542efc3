import type { Socket } from 'node:net';
import { connectionsOf, type RedisClient } from '../redis-client/open-client.js';

/** Interval of pings, and longest silence, in milliseconds. */
const ASK_EVERY_MS = 250;
const SILENT_MS = 1_000;

/** A pending answer, with the traffic at the last check. */
interface Wait {
  since: number;
  traffic: Traffic;
}

/** In bytes. */
interface Traffic {
  readonly received: number;
  /** Bytes in Node's buffer, and bytes being written. The latter shrinks while one long command goes out. */
  readonly kept: number;
  readonly begun: number;
}

/**
 * Closes connections to a Redis that does not answer. It may have been replaced, and would execute old commands when it
 * wakes up, though it is no longer the primary. New connections are made to the current primary.
 *
 * A client that has ended is begun again, until the watch is stopped.
 *
 * A failover within a second and a half of the primary's silence is not noticed by this alone.
 */
export class ConnectionWatch {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;
  readonly #waiting = new WeakMap<Socket, Wait>();
  readonly #timer: NodeJS.Timeout;

  constructor(client: RedisClient) {
    this.#client = client;
    // Input that has arrived is read first: this process may have stood still, and not Redis.
    this.#timer = setInterval(() => setImmediate(() => this.#look()), ASK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    // ioredis gives up when it is told of a failover while it searches for the primary.
    if (this.#client.status === 'end') this.#client.connect().catch(() => undefined);
    for (const connection of connectionsOf(this.#client)) {
      // None exists before the first connection.
      const socket = connection.stream as Socket | undefined;
      // Connecting has a time limit of its own.
      if (socket === undefined || socket.connecting || socket.destroyed) continue;
      const waiting = this.#waiting.get(socket);
      if (waiting === undefined) {
        this.#waiting.set(socket, { since: now, traffic: trafficOf(socket) });
        const answered = (): void => void this.#waiting.delete(socket);
        connection.ping().then(answered, answered);
      } else if (hasMoved(trafficOf(socket), waiting)) {
        // An answer may wait behind long commands or a slow network.
        waiting.since = now;
      } else if (now - waiting.since > SILENT_MS) {
        // The socket is destroyed and the client is not disconnected: a client that is searching for the primary would
        // end for good.
        socket.destroy();
      }
    }
  }
}

/** Whether data arrived or buffered data shrank since the last check. */
function hasMoved(now: Traffic, wait: Wait): boolean {
  const before = wait.traffic;
  wait.traffic = now;
  return (
    now.received > before.received || hasShrunk(now.kept, before.kept) || hasShrunk(now.begun, before.begun)
  );
}

/** An empty buffer proves nothing: the data may still be on this side of the network. */
function hasShrunk(left: number, was: number): boolean {
  return left > 0 && left < was;
}

function trafficOf(socket: Socket): Traffic {
  const { bytesRead, writableLength } = socket;
  // The handle is internal to Node.
  const { _handle } = socket as { readonly _handle?: { readonly writeQueueSize?: number } | null };
  return { received: bytesRead, kept: writableLength, begun: _handle?.writeQueueSize ?? 0 };
}
