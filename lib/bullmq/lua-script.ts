import { createHash } from 'node:crypto';
import { isError } from '../errors/thrown.js';
import type { RedisClient } from './redis-connection.js';
import { throughOutages } from './through-outages.js';

/** A script that is sent to the server once, and called by its digest from then on. */
export class LuaScript {
  readonly #sha1: string;

  constructor(private readonly source: string) {
    this.#sha1 = createHash('sha1').update(source).digest('hex');
  }

  /** Waits for Redis as long as that is away, or being replaced: the script may be run twice. */
  async run(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await throughOutages(client, () => this.#call(client, keys, args));
    } catch (error) {
      throw withoutCommand(error);
    }
  }

  async #call(
    client: RedisClient,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    try {
      return await client.evalsha(this.#sha1, keys.length, ...keys, ...args);
    } catch (error) {
      // A server that was restarted, or another node.
      if (!isError(error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return client.eval(this.source, keys.length, ...keys, ...args);
    }
  }
}

/** ioredis hangs the command on its errors, whose arguments hold the message and the recipients. */
function withoutCommand(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return error;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  Reflect.deleteProperty(error, 'command');
  Reflect.deleteProperty(error, 'args');
  if (lastNodeError !== undefined) withoutCommand(lastNodeError);
  return error;
}
