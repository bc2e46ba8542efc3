import type { Redis } from 'ioredis';
import { connectionsOf, type RedisClient } from './redis-connection.js';

/** How often a connection is asked for a sign of life, and how long there may be none. */
const ASK_EVERY_MS = 250;
const SILENT_MS = 1_000;
/** A secure connection takes several round trips. */
const CONNECT_MS = 3_000;

/** What is waited for, and what had come and was to go when it was looked at last. */
interface Wait {
  readonly status: string;
  since: number;
  traffic: Traffic;
}

/** In bytes. */
interface Traffic {
  readonly received: number;
  /** Kept by Node, and begun to be sent: that shrinks while one long command goes out. */
  readonly kept: number;
  readonly begun: number;
}

/**
 * Breaks connections to a Redis that holds them and says nothing: it may have been replaced, and would take what it
 * is told once it wakes up, though it is the primary no longer. They are made anew, to whoever is the primary then.
 *
 * Failovers that take less than a second and a half from the primary's silence on are not noticed by this alone.
 */
export class ConnectionWatch {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;
  readonly #others: ReadonlySet<RedisClient>;
  readonly #waiting = new Map<Redis, Wait>();
  readonly #timer: NodeJS.Timeout;

  /** @param others to the same Redis, which can't be asked, since they wait for jobs */
  constructor(client: RedisClient, others: ReadonlySet<RedisClient>) {
    this.#client = client;
    this.#others = others;
    // What has come in meanwhile is read first: this process may have stood still, not Redis.
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
        // An answer waits behind long commands, and they behind a slow network.
        waiting.since = now;
      } else if (now - waiting.since > (status === 'connecting' ? CONNECT_MS : SILENT_MS)) {
        for (const silent of [connection, ...others.filter((other) => isSameNode(other, connection))]) {
          this.#waiting.delete(silent);
          // Not told to disconnect: one that is still looking for the primary would take that for its end.
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

/** Whether something came, or what is to be sent became less, since it was looked at last. */
function hasMoved(connection: Redis, wait: Wait): boolean {
  const before = wait.traffic;
  const now = trafficOf(connection);
  wait.traffic = now;
  return (
    now.received > before.received || hasShrunk(now.kept, before.kept) || hasShrunk(now.begun, before.begun)
  );
}

/** What is gone altogether may be on this side of the network still: that is no sign of life. */
function hasShrunk(left: number, was: number): boolean {
  return left > 0 && left < was;
}

function trafficOf({ stream }: Redis): Traffic {
  // There is none before the first connection. The handle is a part of Node's, and not public.
  const { bytesRead, writableLength, _handle } = (stream ?? {}) as Partial<typeof stream> & {
    readonly _handle?: { readonly writeQueueSize?: number } | null;
  };
  return { received: bytesRead ?? 0, kept: writableLength ?? 0, begun: _handle?.writeQueueSize ?? 0 };
}

/** Of those of one module, which all have one Redis, Sentinel or Cluster. */
function isSameNode({ options: one }: Redis, { options: other }: Redis): boolean {
  return one.host === other.host && one.port === other.port;
}
