import type { Verdict } from './simulated-service.js';

/**
 * An account of the service's that allows so much in any second, and takes a request only if it fits into what is left
 * of that.
 */
export function accountOf(
  allowedAt: (now: number) => number,
  costOf: (recipients: number) => number,
): (now: number, cost: number, recipients: number) => Verdict {
  const taken: { at: number; cost: number }[] = [];
  let sum = 0;
  return (now, _cost, recipients) => {
    for (let first = taken[0]; first !== undefined && now - first.at >= 1_000; first = taken[0]) {
      taken.shift();
      sum -= first.cost;
    }
    const cost = costOf(recipients);
    if (sum + cost > allowedAt(now)) return 'throttled';
    taken.push({ at: now, cost });
    sum += cost;
    return 'accepted';
  };
}
