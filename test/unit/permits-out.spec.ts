import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { PermitsOut } from '../../lib/redis/permits-out.js';

describe('the permits that a process has out', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());
  const namesIn = (out: PermitsOut): number =>
    out.unreported(performance.now()).reduce((sum, { permit }) => sum + permit.names.length, 0);

  it('are forgotten once Redis frees them by itself, though it was away', () => {
    const out = new PermitsOut();
    for (let second = 0; second < 600; second++) {
      for (let index = 0; index < 125; index++) {
        out.hold([`p:${second}:${index}`]).giveBack(index % 5 === 0 ? 'unused' : 'answered');
      }
      out.drop([`p:${second}:unused`]);
      jest.advanceTimersByTime(1_000);
      expect(namesIn(out)).toBeLessThanOrEqual(126 * 5);
    }
    jest.advanceTimersByTime(3_300);
    expect(namesIn(out)).toBe(0);
  });

  it('may be used while Redis knows that they are out, and not once others may have them', () => {
    const out = new PermitsOut();
    const permit = out.hold(['p:1'], performance.now() + 2_800);
    jest.advanceTimersByTime(2_799);
    expect(permit.isValid?.()).toBe(true);
    jest.advanceTimersByTime(1);
    expect(permit.isValid?.()).toBe(false);
    out.markReported(out.unreported(performance.now()));
    expect(permit.isValid?.()).toBe(true);
  });

  it('are sent in commands of a bounded length, and all of them', () => {
    const out = new PermitsOut();
    for (let index = 0; index < 12_000; index++) out.hold([`p:${index}`]).giveBack('answered');
    const commands: number[] = [];
    for (
      let reports = out.unreported(performance.now());
      reports.length > 0;
      reports = out.unreported(performance.now())
    ) {
      commands.push(reports.length);
      out.markReported(reports);
    }
    expect(commands).toEqual([5_000, 5_000, 2_000]);
  });
});
