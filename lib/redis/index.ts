export { RedisQuota } from './redis-quota.js';
export type { RedisClusterConnection, RedisQuotaOptions } from './redis-quota-options.js';
