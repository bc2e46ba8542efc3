import type { QuotaScope } from '../quota/quota-store.js';

/**
 * When the shared permits become unavailable, the requests that other processes have just sent are unknown. After this
 * pause, the service has counted them.
 */
const PAUSE_MS = 1_000;

/**
 * The scope of a process that has permits of its own while the shared ones are unavailable.
 * @param share how many, which may change
 */
export function withOwnShare(scope: QuotaScope, share: () => number): QuotaScope {
  let pause: NodeJS.Timeout | undefined;
  const useShare = (): void => {
    const allowed = Math.max(1, share());
    const held = Math.max(allowed, scope.demand().out);
    scope.onPermits({ held, allowed, usableUntil: Infinity, endsAt: Infinity });
  };
  return {
    ...scope,
    onStatus: (change) =>
      scope.onStatus(change.status === 'refusing' ? { ...change, status: 'fallback' } : change),
    onPermits: (permits) => {
      if (permits.unavailable !== undefined) pause ??= setTimeout(useShare, PAUSE_MS).unref();
      else {
        clearTimeout(pause);
        pause = undefined;
      }
      scope.onPermits({ ...permits, unavailable: undefined });
    },
  };
}
