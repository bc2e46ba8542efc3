import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { FanOutQueueSettings } from './fan-out-queue-settings.js';
import { OutageLog } from './outage-log.js';
import { openConnection, type RedisClient, requireReachable } from './redis-connection.js';

/** The connection of a module, from its boot to its end. */
export class RedisHolder implements OnApplicationShutdown {
  // Private to the language: whoever prints it must not print a password.
  readonly #client: RedisClient;

  private constructor(client: RedisClient) {
    this.#client = client;
  }

  /** @throws RtcConfigError when Redis can't be reached */
  static async open(settings: FanOutQueueSettings): Promise<RedisHolder> {
    const client = openConnection(settings.connection.open());
    const log = new OutageLog(new Logger('RtcFanOutQueue'));
    client.on('error', (error: Error) => log.note(error));
    await requireReachable(client);
    return new RedisHolder(client);
  }

  get client(): RedisClient {
    return this.#client;
  }

  onApplicationShutdown(): void {
    this.#client.disconnect();
  }
}
