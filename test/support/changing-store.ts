import type { PermitSource, QuotaScope, QuotaStore } from 'nestjs-rtc-messaging';

/** A store of a quota that is shared at first, and away right after. */
export const changingStore: QuotaStore = {
  open({ limit, onStatus }: QuotaScope): PermitSource {
    // Known at the first question, as with a store that is asked over a network.
    queueMicrotask(() => {
      onStatus({ status: 'shared' });
      onStatus({ status: 'fallback', failure: 'the store is away' });
    });
    return { limit, take: () => ({ giveBack: () => undefined }), close: () => undefined };
  },
};
