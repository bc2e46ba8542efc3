import { describe, expect, it } from '@jest/globals';
import {
  FAULT_PRESETS,
  FAULT_SHARES,
  type FaultName,
  faultRule,
  type FaultShare,
} from '../../src/console/faults/fault-presets.js';
import { isSpent, recognizeFault } from '../../src/console/faults/listed-fault.js';

const overJson = (rule: object): object => JSON.parse(JSON.stringify(rule)) as object;

describe("the console's faults", () => {
  const all = (Object.keys(FAULT_PRESETS) as FaultName[])
    .filter((name) => name !== 'refuse')
    .flatMap((name) => (Object.keys(FAULT_SHARES) as FaultShare[]).map((share) => [name, share] as const));

  it.each(all)('are recognized among those that the emulator has (%s, %s)', (name, share) => {
    expect(recognizeFault(overJson(faultRule(name, share)))).toEqual({ name, share });
  });

  it.each([
    { kind: 'reset', accept: true, probability: 0.3 },
    { kind: 'late', delayMs: 7_999, probability: 1 },
    { kind: 'html', probability: 1, match: { roomId: 'room-1' } },
    { kind: 'drip', probability: 1 },
    { kind: 'html' },
  ])('are not confused with others (%j)', (rule) => {
    expect(recognizeFault(rule)).toBeUndefined();
  });

  it.each([
    ['one, as by default', {}, 0, false],
    ['one, as by default', {}, 1, true],
    ['three', { times: 3 }, 2, false],
    ['three', { times: 3 }, 3, true],
    ['any number, with a probability', { probability: 0.5 }, 1_000, false],
    ['two, with a probability', { probability: 0.5, times: 2 }, 2, true],
    // As JSON has Infinity.
    ['no end of them', { times: null }, 1_000, false],
  ])('are over when they befell as many as they were to: %s (%j, %i)', (_what, rule, applied, spent) => {
    expect(isSpent({ ...rule, applied })).toBe(spent);
  });
});
