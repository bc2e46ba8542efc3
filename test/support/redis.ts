export { type StartedRedis, startRedis, type StartRedisOptions } from '../../scripts/redis/start-redis.mjs';
