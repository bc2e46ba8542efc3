import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';

type Command = (...args: (string | number)[]) => Promise<unknown>;

/**
 * A Lua script as a command of the client that runs it. ioredis sends the script once for each connection, and its
 * digest afterwards. It sends the script again to another node and to a server that has lost it.
 */
export class LuaScript {
  readonly #command: string;

  constructor(
    name: string,
    private readonly lua: string,
  ) {
    // The client may be the app's own, and other copies of this library may use it with other scripts.
    this.#command = `rtc:${name}:${createHash('sha1').update(lua).digest('hex')}`;
  }

  /** @param keys the same number for every run */
  async run(
    client: Redis | Cluster,
    keys: readonly string[],
    args: readonly (string | number)[],
  ): Promise<unknown> {
    const commands = client as unknown as Record<string, Command | undefined>;
    if (commands[this.#command] === undefined)
      client.defineCommand(this.#command, { lua: this.lua, numberOfKeys: keys.length });
    try {
      return await commands[this.#command]?.(...keys, ...args);
    } catch (error) {
      throw withoutCommand(error);
    }
  }
}

/** ioredis adds the command to its errors. Its arguments may hold the message and the recipients. */
function withoutCommand(error: unknown): unknown {
  if (typeof error !== 'object' || error === null) return error;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  Reflect.deleteProperty(error, 'command');
  Reflect.deleteProperty(error, 'args');
  if (lastNodeError !== undefined) withoutCommand(lastNodeError);
  return error;
}
