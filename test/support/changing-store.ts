import type { PermitSource, QuotaScope, QuotaStore } from 'nestjs-rtc-messaging';

/** A store of a quota that is shared at first, and away right after. */
export const changingStore: QuotaStore = {
  open({ limit, onPermits, onStatus }: QuotaScope): PermitSource {
    // Known at the first question, as with a store that is asked over a network.
    queueMicrotask(() => {
      onStatus({ status: 'shared' });
      onPermits({ held: limit, allowed: limit, usableUntil: Infinity, endsAt: Infinity });
      onStatus({ status: 'fallback', failure: 'the store is away' });
    });
    return { limit, request: () => undefined, close: () => undefined };
  },
};
