import type { PermitSource, QuotaScope, QuotaStore } from 'nestjs-rtc-messaging';

/** A store of a quota that is shared at first, and away right after. */
export const changingStore: QuotaStore = {
  open({ demand, onPermits }: QuotaScope): PermitSource {
    // Known at the first question, as with a store that is asked over a network.
    queueMicrotask(() => {
      const held = { permits: demand().limit, usableUntil: Infinity, endsAt: Infinity };
      onPermits({ ...held, status: 'shared' });
      onPermits({ ...held, status: 'fallback', failure: 'the store is away' });
    });
    return { request: () => undefined, close: () => undefined };
  },
};
