import type { QuotaScope } from '../quota/quota-store.js';

/**
 * When the shared permits become unavailable, the requests that other processes have just sent are unknown. After this
 * pause, the service has counted them.
 */
const PAUSE_MS = 1_000;

/**
 * The scope of a process that has permits of its own while the shared ones are unavailable.
 * @param share how many, as a fraction of the limit
 */
export function withOwnShare(scope: QuotaScope, share: number): QuotaScope {
  let pause: NodeJS.Timeout | undefined;
  const onPermits: QuotaScope['onPermits'] = (held) => {
    if (held.status !== 'refusing') {
      clearTimeout(pause);
      pause = undefined;
      scope.onPermits(held);
      return;
    }
    pause ??= setTimeout(() => {
      const permits = Math.max(1, share * scope.demand().limit);
      scope.onPermits({ ...held, status: 'fallback', permits, usableUntil: Infinity, endsAt: Infinity });
    }, PAUSE_MS).unref();
    scope.onPermits({ ...held, status: 'fallback' });
  };
  return { ...scope, onPermits };
}
