import Sequencer from '@jest/test-sequencer';

/**
 * Suites that take longest, in the order in which they begin: one that mostly waits beside one that computes. A suite
 * that is not here costs time at the end only if it takes as long as these.
 */
const LONGEST = [
  'redis/shared-permits',
  'package/nest11',
  'package/nest12',
  'package/quick-start',
  'package/readme-quick-start',
  'package/command',
  'redis/redis-away',
  'redis/processes',
  'browser/accessibility',
  'e2e/callback-requests',
  'e2e/quota',
  'package/strict-types',
  'browser/console',
  'faults/receipts',
  'redis/receipt-faults',
  'faults/faults',
  'durable/crash',
  'e2e/receipts',
  'package/bundled-app',
  'faults/fault-matrix',
  'docs/readme',
  'docs/pages',
  'durable/outages',
  'e2e/emulator-quota',
  'faults/resources',
  'docs/durable-fan-out',
  'unit/adapting',
  'unit/quota-property',
];

/** Jest begins with the longest only where it has run before: it knows nothing of a fresh clone. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const places = new Map(tests.map((test) => [test, placeOf(test.path)]));
    return super.sort(tests).toSorted((one, other) => places.get(one) - places.get(other));
  }
}

function placeOf(path) {
  const at = LONGEST.findIndex((name) => path.replaceAll('\\', '/').endsWith(`/test/${name}.spec.ts`));
  return at < 0 ? LONGEST.length : at;
}
