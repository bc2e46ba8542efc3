import type { Redis } from 'ioredis';
import { connectionsOf, type RedisClient } from './redis-connection.js';

/** How often a connection is asked for a sign of life, and how long that, or its beginning, may take. */
const ASK_EVERY_MS = 250;
const SILENT_MS = 1_000;
/** A secure connection takes several round trips. */
const CONNECT_MS = 3_000;

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
  /** Since when something has been waited for, by connection and what it is. */
  readonly #waiting = new Map<Redis, { readonly since: number; readonly status: string }>();
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
        if (status !== 'ready') this.#waiting.set(connection, { since: now, status });
        else if (own.includes(connection)) this.#ask(connection, now);
      } else if (now - waiting.since > (status === 'connecting' ? CONNECT_MS : SILENT_MS)) {
        for (const silent of [connection, ...others.filter((other) => isSameNode(other, connection))]) {
          this.#waiting.delete(silent);
          // Not told to disconnect: one that is still looking for the primary would take that for its end.
          silent.stream?.destroy();
        }
      }
    }
  }

  #ask(connection: Redis, since: number): void {
    const asked = { since, status: 'ready' };
    this.#waiting.set(connection, asked);
    const answered = (): void => {
      if (this.#waiting.get(connection) === asked) this.#waiting.delete(connection);
    };
    connection.ping().then(answered, answered);
  }
}

/** Of those of one module, which all have one Redis, Sentinel or Cluster. */
function isSameNode({ options: one }: Redis, { options: other }: Redis): boolean {
  return one.host === other.host && one.port === other.port;
}
