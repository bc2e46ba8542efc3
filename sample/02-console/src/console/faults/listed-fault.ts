import { isDeepStrictEqual } from 'node:util';
import type { ListedFault } from '../emulator/emulator.client.js';
import { FAULT_PRESETS, FAULT_SHARES, type FaultName, faultRule, type FaultShare } from './fault-presets.js';

/** Whether it has befallen as many as it was to. The emulator lists it all the same. */
export function isSpent({ applied, times, probability }: ListedFault): boolean {
  if (times === null) return false;
  return applied >= (times ?? (probability === undefined ? 1 : Number.POSITIVE_INFINITY));
}

/** Which of the console's faults a rule is; undefined if it is none of them. */
export function recognizeFault(rule: object): { name: FaultName; share: FaultShare } | undefined {
  for (const name of keysOf(FAULT_PRESETS)) {
    const share = keysOf(FAULT_SHARES).find((each) => isDeepStrictEqual(faultRule(name, each), rule));
    if (share !== undefined) return { name, share };
  }
  return undefined;
}

function keysOf<K extends string>(record: Readonly<Record<K, unknown>>): readonly K[] {
  return Object.keys(record) as K[];
}
