/** What {@link startRedis} starts. */
export interface StartRedisOptions {
  /**
   * Arguments of the server, after its defaults (no persistence, loopback): `['--appendonly', 'yes']`. Whoever
   * gives some gets a server of its own.
   */
  readonly args?: readonly string[];
  /** Its file of settings, which it may write to, as Sentinel does. Whoever gives one gets a server of its own. */
  readonly config?: string;
  /** A server of one's own, to stop and start at will, even where `REDIS_URL` is set. Default false. */
  readonly own?: boolean;
}

/** A Redis (or Valkey) to work with. That of `REDIS_URL` is shared: use keys of one's own, and flush nothing. */
export interface StartedRedis {
  /** `redis://127.0.0.1:6379`, or `REDIS_URL` as it is. */
  readonly url: string;
  readonly port: number;
  /** Undefined for that of `REDIS_URL`, and while it is stopped. */
  readonly pid: number | undefined;
  /** Stops the server, if it was started here, and removes its files. Safe to call twice. */
  stop(): Promise<void>;
  /**
   * Sends a signal to a server of one's own, and waits for its end unless it only freezes or goes on.
   * @param signal default `SIGKILL`
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /**
   * Starts a server of one's own again: the same port and files.
   * @param args in place of those that it was started with
   */
  restart(args?: readonly string[]): Promise<void>;
}

/**
 * Gives a Redis: that of `REDIS_URL`; else a `redis-server` or `valkey-server` of the path, started on a free
 * port; else one that is installed first, as root on Debian or Ubuntu. It ends with the process that asked.
 * @throws Error naming what to install
 */
export function startRedis(options?: StartRedisOptions): Promise<StartedRedis>;
