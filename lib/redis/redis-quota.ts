import { createHash } from 'node:crypto';
import type { PermitSource, QuotaScope, QuotaStore } from '../quota/quota-store.js';
import { QuotaScriptRunner } from './quota-script-runner.js';
import { RedisConnection } from './redis-connection.js';
import { checkOptions, type CheckedOptions, type RedisQuotaOptions } from './redis-quota-options.js';
import { SharedSchedule } from './shared-schedule.js';
import { SlotSource } from './slot-source.js';

/**
 * Keeps the quota's schedule in Redis (5 or later) or Valkey, so that all processes that use the same account
 * share one limit. Make one for a process, and give it to its modules as `quota.store`.
 *
 * @example
 * RtcMessagingModule.forRoot({
 *   quota: { store: new RedisQuota({ connection: 'redis://localhost:6379', fallbackShare: 0.25 }) },
 * })
 */
export class RedisQuota implements QuotaStore {
  // Private to the language: whoever prints the module's options must not print a password.
  readonly #options: CheckedOptions;
  readonly #connection: RedisConnection;

  /** @throws RtcConfigError listing everything that is wrong */
  constructor(options: RedisQuotaOptions) {
    this.#options = checkOptions(options);
    this.#connection = new RedisConnection(options);
  }

  get account(): string | undefined {
    return this.#options.account;
  }

  /** For the module: a schedule under one key, whose hash tag is of its scope. */
  open({ name, limit, onStatus, onChange }: QuotaScope): PermitSource {
    const { keyPrefix, timeoutMs, fallbackShare } = this.#options;
    // Names hold access keys' IDs, which need not be seen by whoever lists the keys.
    const tag = createHash('sha256').update(name).digest('hex').slice(0, 32);
    const script = new QuotaScriptRunner(this.#connection, `${keyPrefix}{${tag}}`, timeoutMs);
    return new SlotSource(new SharedSchedule(script, { limit, fallbackShare, onStatus }), onChange);
  }
}
