import type { Redis } from 'ioredis';
import { connectionsOf, type RedisClient } from '../redis/open-client.js';

/** Interval of pings, and longest silence, in milliseconds. */
const ASK_EVERY_MS = 250;
const SILENT_MS = 1_000;
/** A secure connection takes several round trips. */
const CONNECT_MS = 3_000;

/** A pending answer, with the traffic at the last check. */
interface Wait {
  readonly status: string;
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
 * A failover within a second and a half of the primary's silence is not noticed by this alone.
 */
export class ConnectionWatch {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;
  readonly #others: ReadonlySet<RedisClient>;
  readonly #waiting = new Map<Redis, Wait>();
  readonly #timer: NodeJS.Timeout;

  /** @param others connections to the same Redis that can't be pinged, since they wait for jobs */
  constructor(client: RedisClient, others: ReadonlySet<RedisClient>) {
    this.#client = client;
    this.#others = others;
    // Input that has arrived is read first: this process may have stood still, and not Redis.
    this.#timer = setInterval(() => setImmediate(() => this.#look()), ASK_EVERY_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    const own = connectionsOf(this.#client);
    const others = [...this.#others].flatMap(connectionsOf);
    const all = new Set([...own, ...others]);
    for (const gone of this.#waiting.keys()) if (!all.has(gone)) this.#waiting.delete(gone);
    for (const connection of all) {
      const { status } = connection;
      const waiting = this.#waiting.get(connection);
      if (status !== 'ready' && status !== 'connecting' && status !== 'connect') {
        this.#waiting.delete(connection);
      } else if (waiting?.status !== status) {
        const wait: Wait = { status, since: now, traffic: trafficOf(connection) };
        if (status !== 'ready') this.#waiting.set(connection, wait);
        else if (own.includes(connection)) this.#ask(connection, wait);
      } else if (hasMoved(connection, waiting)) {
        // An answer may wait behind long commands or a slow network.
        waiting.since = now;
      } else if (now - waiting.since > (status === 'connecting' ? CONNECT_MS : SILENT_MS)) {
        for (const silent of [connection, ...others.filter((other) => isSameNode(other, connection))]) {
          this.#waiting.delete(silent);
          // The socket is destroyed and the client is not disconnected: a client that is searching for the primary
          // would end for good.
          silent.stream?.destroy();
        }
      }
    }
  }

  #ask(connection: Redis, asked: Wait): void {
    this.#waiting.set(connection, asked);
    const answered = (): void => {
      if (this.#waiting.get(connection) === asked) this.#waiting.delete(connection);
    };
    connection.ping().then(answered, answered);
  }
}

/** Whether data arrived or buffered data shrank since the last check. */
function hasMoved(connection: Redis, wait: Wait): boolean {
  const before = wait.traffic;
  const now = trafficOf(connection);
  wait.traffic = now;
  return (
    now.received > before.received || hasShrunk(now.kept, before.kept) || hasShrunk(now.begun, before.begun)
  );
}

/** An empty buffer proves nothing: the data may still be on this side of the network. */
function hasShrunk(left: number, was: number): boolean {
  return left > 0 && left < was;
}

function trafficOf({ stream }: Redis): Traffic {
  // No stream exists before the first connection. The handle is internal to Node.
  const { bytesRead, writableLength, _handle } = (stream ?? {}) as Partial<typeof stream> & {
    readonly _handle?: { readonly writeQueueSize?: number } | null;
  };
  return { received: bytesRead ?? 0, kept: writableLength ?? 0, begun: _handle?.writeQueueSize ?? 0 };
}

/** Compares connections of one module, which all lead to one Redis, Sentinel or Cluster. */
function isSameNode({ options: one }: Redis, { options: other }: Redis): boolean {
  return one.host === other.host && one.port === other.port;
}
