import { Redis } from 'ioredis';

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
