import { afterAll, beforeAll } from '@jest/globals';
import { Redis } from 'ioredis';
import { type StartedRedis, startRedis } from '../../scripts/redis/start-redis.mjs';

export { type StartedRedis, startRedis, type StartRedisOptions } from '../../scripts/redis/start-redis.mjs';

/** Runs work with a client that is closed after it. */
export async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

/** A Redis and a client of it, for as long as the suite runs that calls this. */
export function redisForSuite(): { readonly server: StartedRedis; readonly client: Redis } {
  let server: StartedRedis | undefined;
  let client: Redis | undefined;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
  });
  afterAll(async () => {
    client?.disconnect();
    await server?.stop();
  });
  return {
    get server() {
      return server!;
    },
    get client() {
      return client!;
    },
  };
}
