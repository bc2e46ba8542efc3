import { beforeEach, describe, expect, it } from '@jest/globals';
import { ServiceClockSkew } from '../../lib/openapi/service-clock-skew.js';

const HOUR = 3_600_000;
const START = Date.parse('2026-01-02T03:04:05Z');

describe('the clock skew to the service', () => {
  let now = START;
  let monotonic = 0;
  let clock: ServiceClockSkew;
  const dateAt = (offsetMs: number): string => new Date(now + offsetMs).toUTCString();
  beforeEach(() => {
    now = START;
    monotonic = 0;
    clock = new ServiceClockSkew(
      () => now,
      () => monotonic,
    );
  });

  it('is zero until a refusal says otherwise', () => {
    expect([clock.offsetMs, clock.now()]).toEqual([0, START]);
  });

  it.each([HOUR, -HOUR, 40 * 365 * 24 * HOUR, -5 * 365 * 24 * HOUR])(
    'is proposed by a refusal of %i ms',
    (offset) => {
      // A Date has whole seconds: half of one has passed on the average.
      expect(clock.propose(0, dateAt(offset))).toBe(offset + 500);
      expect(clock.offsetMs).toBe(0);
    },
  );

  it.each([undefined, '', 'nonsense', 'Thu, 01 Jan 1970 00:00:00 GMT', 'Sat, 13 Sep 275760 00:00:00 GMT'])(
    'is not proposed by a refusal with the Date %j',
    (date) => {
      expect(clock.propose(0, date)).toBeUndefined();
    },
  );

  it("is not proposed by a Date that agrees with the signature, which can't be what was wrong", () => {
    expect(clock.propose(0, dateAt(59_000))).toBeUndefined();
    clock.confirm(HOUR);
    expect(clock.propose(HOUR, dateAt(HOUR))).toBeUndefined();
  });

  it('is shared when a request is accepted with it', () => {
    expect(clock.confirm(HOUR)).toBe(true);
    expect(clock.now()).toBe(START + HOUR);
    // Others find the same meanwhile, give or take a second: that is no news.
    expect(clock.confirm(HOUR + 900)).toBe(false);
    expect(clock.offsetMs).toBe(HOUR);
  });

  it('makes earlier signatures outdated', () => {
    clock.confirm(HOUR);
    expect([clock.isOutdated(0), clock.isOutdated(HOUR + 900)]).toEqual([true, false]);
  });

  it('is not taken from an absurd Date twice, nor from any other for a minute', () => {
    const absurd = dateAt(70 * 365 * 24 * HOUR);
    const offset = clock.propose(0, absurd)!;
    clock.refute(offset, dateAt(0));
    for (const date of [absurd, dateAt(HOUR)]) expect(clock.propose(0, date)).toBeUndefined();
    expect(clock.offsetMs).toBe(0);
    monotonic += 60_000;
    expect(clock.propose(0, dateAt(HOUR))).toBe(HOUR + 500);
  });

  it('may be proposed again by a Date that says the same after a refusal', () => {
    const offset = clock.propose(0, dateAt(HOUR))!;
    clock.refute(offset, dateAt(HOUR));
    expect(clock.propose(0, dateAt(HOUR))).toBe(HOUR + 500);
  });

  it("is corrected again after this machine's clock was set", () => {
    clock.confirm(-HOUR);
    now -= HOUR;
    expect(clock.propose(-HOUR, dateAt(0))).toBe(500);
    expect(clock.confirm(500)).toBe(true);
  });
});
