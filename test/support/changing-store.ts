import type { QuotaScope, QuotaStore, StoredQuota } from 'nestjs-rtc-messaging';
import { LocalQuota } from '../../lib/quota/local-quota.js';

/** A store of a quota that is shared at first, and away right after. */
export const changingStore: QuotaStore = {
  open({ limit, onStatus }: QuotaScope): StoredQuota {
    // Known at the first question, as with a store that is asked over a network.
    queueMicrotask(() => {
      onStatus({ status: 'shared' });
      onStatus({ status: 'fallback', failure: 'the store is away' });
    });
    return Object.assign(new LocalQuota(limit), { close: () => undefined });
  },
};
