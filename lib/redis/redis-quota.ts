import { createHash } from 'node:crypto';
import type { PermitSource, QuotaScope, QuotaStore } from '../quota/quota-store.js';
import { withOwnShare } from './own-share.js';
import { RedisPermits } from './redis-permits.js';
import { RedisConnection } from '../redis-client/redis-connection.js';
import { checkOptions, type CheckedOptions, type RedisQuotaOptions } from './redis-quota-options.js';

/**
 * Keeps the quota's permits in Redis (5 or later) or Valkey, so that all processes that use the same account
 * share one limit. Make one for a process, and give it to its modules as `quota.store`.
 *
 * @example
 * RtcMessagingModule.forRoot({
 *   quota: { store: new RedisQuota({ connection: 'redis://localhost:6379', fallbackShare: 0.25 }) },
 * })
 */
export class RedisQuota implements QuotaStore {
  readonly account: string | undefined;
  // A private field: printing the module's options must not print a password.
  readonly #options: CheckedOptions;
  readonly #connection: RedisConnection;

  /** @throws RtcConfigError listing everything that is wrong */
  constructor(options: RedisQuotaOptions) {
    this.#options = checkOptions(options);
    this.account = this.#options.account;
    this.#connection = new RedisConnection(this.#options.connection, this.#options.timeoutMs);
  }

  /** For the module: opens the permits of a scope, under one key. */
  open(scope: QuotaScope): PermitSource {
    const { keyPrefix, fallbackShare: share } = this.#options;
    // A hash of the name, since names hold access key IDs.
    const tag = createHash('sha256').update(scope.name).digest('hex').slice(0, 32);
    const own = share === undefined ? scope : withOwnShare(scope, share);
    return new RedisPermits(this.#connection, `${keyPrefix}{${tag}}`, own);
  }
}
