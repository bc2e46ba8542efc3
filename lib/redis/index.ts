export { RedisQuota } from './redis-quota.js';
export type { RedisClusterConnection, RedisTarget } from '../redis-client/open-client.js';
export type { RedisQuotaOptions } from './redis-quota-options.js';
