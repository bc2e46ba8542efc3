import { beforeEach, describe, expect, it } from '@jest/globals';
import { RtcQuotaError } from '../../lib/errors/rtc-quota.error.js';
import { LocalQuota } from '../../lib/quota/local-quota.js';
import type { Quota, Reservation } from '../../lib/quota/quota.js';
import { type Lane, QuotaGate } from '../../lib/quota/quota-gate.js';
import { VirtualTime } from '../support/virtual-time.js';

describe("the quota's gate", () => {
  let time: VirtualTime;
  let gate: QuotaGate;
  let passed: string[];
  beforeEach(() => {
    time = new VirtualTime();
    gate = new QuotaGate(new LocalQuota(100, () => time.now()), 50, time);
    passed = [];
  });
  const enter = (name: string, lane: Lane = 'single', withinMs = 60_000) => {
    const ticket = gate.enter(lane, withinMs);
    if (ticket === undefined) passed.push(name);
    else void ticket.granted.then(() => passed.push(name));
    return ticket;
  };

  it('lets a lone request pass at once', () => {
    time.ms = 1_000;
    expect(gate.enter('single', 1)).toBeUndefined();
  });

  it('goes by real time if it is given no other', async () => {
    const real = new QuotaGate(new LocalQuota(50), 10);
    const started = performance.now();
    real.enter('single', 1);
    await Promise.all([real.enter('single', 1_000)!.granted, real.enter('bulk', 1_000)!.granted]);
    expect(performance.now() - started).toBeGreaterThan(30);
    expect(real.usage.requestsPerSecond).toBeGreaterThan(0);
  });

  it('lets as many pass as a burst has, then one after another, in the order in which they came', async () => {
    for (let index = 0; index < 10; index++) enter(String(index));
    expect(passed).toEqual(['0', '1']);
    await time.pass(1_000);
    expect(passed).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(gate.queued).toBe(0);
  });

  it('keeps the pace, however long the queue', async () => {
    for (let index = 0; index < 50; index++) enter(String(index));
    await time.pass(200);
    expect(passed.length).toBeGreaterThan(18);
    expect(passed.length).toBeLessThanOrEqual(22);
  });

  it('tells how much is used and how many wait', async () => {
    expect(gate.usage).toEqual({ queued: 0, maxQueue: 50, waitMs: 0, queuedBulk: 0, requestsPerSecond: 0 });
    for (let index = 0; index < 300; index++) enter(`bulk ${index}`, 'bulk');
    await time.pass(2_000);
    for (let index = 0; index < 10; index++) enter(String(index));
    const { requestsPerSecond, waitMs, ...waiting } = gate.usage;
    expect(requestsPerSecond).toBeGreaterThan(93);
    expect(requestsPerSecond).toBeLessThanOrEqual(100);
    // Ten of its own lane are ahead, and as many of the other.
    expect(waitMs).toBeGreaterThan(200);
    expect(waitMs).toBeLessThan(230);
    expect(waiting).toMatchObject({ queued: 10, maxQueue: 50 });
    expect(waiting.queuedBulk).toBeGreaterThan(100);
    await time.pass(5_000);
    expect(gate.usage).toMatchObject({ queued: 0, queuedBulk: 0, requestsPerSecond: 0 });
  });

  it('lets single sends and those of a fan-out take turns', async () => {
    for (let index = 0; index < 20; index++) enter(`bulk ${index}`, 'bulk');
    for (let index = 0; index < 4; index++) enter(`single ${index}`);
    await time.pass(80);
    const order = passed.slice(2).map((name) => name.split(' ')[0]);
    expect(order.slice(0, 6)).toEqual(['single', 'bulk', 'single', 'bulk', 'single', 'bulk']);
  });

  it('begins with a single send', async () => {
    gate.quota.throttled(0);
    for (const [name, lane] of [['bulk', 'bulk'] as const, ['single', 'single'] as const]) enter(name, lane);
    await time.pass(200);
    expect(passed).toEqual(['single', 'bulk']);
  });

  it('forgets who gives up its place', async () => {
    for (let index = 0; index < 3; index++) enter(String(index));
    const ticket = enter('gone');
    enter('last');
    ticket!.cancel();
    await time.pass(1_000);
    expect(passed).toEqual(['0', '1', '2', 'last']);
  });

  it('refuses single sends when the queue is full, and says when to come again', () => {
    for (let index = 0; index < 52; index++) enter(String(index));
    expect(() => gate.enter('single', 60_000)).toThrow(RtcQuotaError);
    try {
      gate.enter('single', 60_000);
    } catch (error) {
      expect(error).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted' });
      expect((error as RtcQuotaError).retryAfterMs).toBeGreaterThan(450);
      expect((error as RtcQuotaError).retryAfterMs).toBeLessThan(600);
      expect((error as Error).message).toContain("The quota's queue is full: 50 calls are waiting");
    }
    // What a fan-out has in flight is bounded by itself.
    expect(gate.enter('bulk', 60_000)).toBeDefined();
  });

  it('refuses at once who could not pass in time', () => {
    for (let index = 0; index < 40; index++) enter(String(index));
    expect(() => gate.enter('single', 100)).toThrow(/queue is too long: about \d+ ms, where 100 ms are left/);
    const { waitMs } = gate.usage;
    expect(() => gate.enter('single', waitMs - 1)).toThrow(RtcQuotaError);
    expect(gate.enter('single', waitMs)).toBeDefined();
  });

  it('does not release what came up late in a bunch: what is lost of slots taken ahead is taken anew', async () => {
    const asked: number[] = [];
    const quota: Quota = {
      batchSize: 10,
      intervalMs: 10,
      heldMs: 0,
      reserve: (slots: number): Promise<Reservation> => {
        asked.push(slots);
        return Promise.resolve({ slots, delayMs: 10, intervalMs: 10 });
      },
      observeRoundTrip: () => undefined,
      throttled: () => undefined,
    };
    const late = new QuotaGate(quota, 100, time);
    const granted: number[] = [];
    for (let index = 0; index < 10; index++)
      void late.enter('single', 60_000)!.granted.then(() => granted.push(time.ms));
    await new Promise(setImmediate);
    await time.pass(20);
    expect(granted).toEqual([10, 20]);
    // The process stands still for 50 ms.
    time.ms += 50;
    await time.pass(0);
    await time.pass(50);
    // Those that were due at 30 to 60 ms came up late; that of 70 ms and those after it did not.
    expect(granted.slice(2)).toEqual([70, 80, 90, 100, 110, 120]);
    expect(asked).toEqual([1, 9, 4]);
  });

  /** A quota that gives slots 10 ms apart, from 10 ms on. */
  const ahead = (slots: (wanted: number) => number): Quota => ({
    batchSize: 10,
    intervalMs: 10,
    heldMs: 0,
    reserve: (wanted) => ({ slots: slots(wanted), delayMs: 10, intervalMs: 10 }),
    observeRoundTrip: () => undefined,
    throttled: () => undefined,
  });

  /** A schedule of 500 a second whose answers are so long on their way, half of it each way. */
  const far = (answerMs: number, leadMs?: number) => {
    const asked: number[] = [];
    let usedUpTo = 0;
    const quota: Quota = {
      batchSize: 40,
      intervalMs: 2,
      heldMs: 0,
      lateMs: answerMs,
      ...(leadMs !== undefined && { leadMs }),
      reserve: async (slots) => {
        asked.push(slots);
        await time.wait(answerMs / 2);
        const due = Math.max(time.ms, usedUpTo);
        usedUpTo = due + slots * 2;
        await time.wait(answerMs / 2);
        return { slots, delayMs: due - time.ms, intervalMs: 2 };
      },
      observeRoundTrip: () => undefined,
      throttled: () => undefined,
    };
    return { asked, gate: new QuotaGate(quota, 0, time) };
  };

  const grantedIn10Seconds = async (answerMs: number, leadMs?: number): Promise<number> => {
    const { gate: distant } = far(answerMs, leadMs);
    let granted = 0;
    for (let index = 0; index < 6_000; index++) {
      void distant.enter('bulk', 60_000)!.granted.then(() => (granted += 1));
    }
    await time.pass(10_000);
    return granted;
  };

  it.each([10, 20, 50, 76])(
    'loses nothing to answers that take %i ms, if told to ask ahead',
    async (answerMs) => {
      expect(await grantedIn10Seconds(answerMs, answerMs + 2)).toBeGreaterThan(4_900);
    },
  );

  it('loses the time that answers take if it is not', async () => {
    expect(await grantedIn10Seconds(20)).toBeLessThan(4_600);
    expect(await grantedIn10Seconds(50)).toBeLessThan(4_000);
  });

  it('asks ahead for no more than wait for it', async () => {
    const { gate: distant, asked } = far(20, 22);
    let granted = 0;
    for (let index = 0; index < 100; index++) {
      void distant.enter('bulk', 60_000)!.granted.then(() => (granted += 1));
    }
    await time.pass(1_000);
    expect(granted).toBe(100);
    expect(asked).toEqual([1, 40, 40, 19]);
  });

  it('uses a slot that comes up as late as it may', async () => {
    const late = new QuotaGate(
      ahead((wanted) => wanted),
      100,
      time,
    );
    const ticket = late.enter('single', 60_000)!;
    time.ms = 15;
    await time.pass(0);
    await ticket.granted;
    expect(time.ms).toBe(15);
  });

  it('is not led astray by timers that fire early', async () => {
    const hasty = { now: () => time.now(), wait: (ms: number) => time.wait(ms / 2) };
    const early = new QuotaGate(
      ahead((wanted) => wanted),
      100,
      hasty,
    );
    let grantedAt = 0;
    void early.enter('single', 60_000)!.granted.then(() => (grantedAt = time.ms));
    await time.pass(20);
    expect(grantedAt).toBeGreaterThanOrEqual(9.5);
  });

  it('refuses everyone who waits when the quota is unavailable, and who comes meanwhile', async () => {
    let away = false;
    const reserve = (): Reservation =>
      away
        ? { slots: 0, delayMs: 250, intervalMs: 10, unavailable: 'The store is away' }
        : { slots: 0, delayMs: 10, intervalMs: 10 };
    const unsure = new QuotaGate({ ...ahead(() => 0), reserve }, 100, time);
    const waiting = [unsure.enter('single', 60_000)!, unsure.enter('bulk', 60_000)!].map(({ granted }) =>
      granted.then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    away = true;
    await time.pass(20);
    for (const error of await Promise.all(waiting)) {
      expect(error).toBeInstanceOf(RtcQuotaError);
      expect(error).toMatchObject({ message: 'The store is away. Nothing was sent.', retryAfterMs: 250 });
    }
    expect(unsure.queued).toBe(0);
    expect(() => unsure.enter('single', 60_000)).toThrow('The store is away. Nothing was sent.');
    expect(unsure.queued).toBe(0);
  });

  it('counts what left, not what could have', async () => {
    const generous = new QuotaGate(
      ahead(() => 5),
      100,
      time,
    );
    generous.enter('single', 60_000);
    await time.pass(100);
    expect(generous.usage).toMatchObject({ queued: 0, requestsPerSecond: 1 });
  });

  it('does not take for jitter what was this process standing still', async () => {
    const seen: number[] = [];
    const quota: Quota = {
      batchSize: 1,
      intervalMs: 10,
      heldMs: 0,
      reserve: () => ({ slots: time.ms < 10 ? 0 : 1, delayMs: Math.max(0, 10 - time.ms), intervalMs: 10 }),
      observeRoundTrip: (ms) => seen.push(ms),
      throttled: () => undefined,
    };
    const busy = new QuotaGate(quota, 100, time);
    busy.enter('single', 60_000);
    time.ms += 40;
    await time.pass(0);
    busy.observeRoundTrip(45);
    time.ms += 15;
    busy.observeRoundTrip(45);
    expect(seen).toEqual([15, 45]);
  });
});

describe('the quota of one process', () => {
  const slotsIn = (quota: LocalQuota, clock: { ms: number }, ms: number): number => {
    let slots = 0;
    for (const end = clock.ms + ms; clock.ms < end;) {
      const { slots: got, delayMs } = quota.reserve();
      slots += got;
      clock.ms += Math.min(delayMs, end - clock.ms);
    }
    return slots;
  };
  const create = (limit: number) => {
    const clock = { ms: 0 };
    return { clock, quota: new LocalQuota(limit, () => clock.ms) };
  };

  it('slows down when round trips differ more, and recovers when they do not', () => {
    const { clock, quota } = create(500);
    slotsIn(quota, clock, 1_000);
    const quiet = slotsIn(quota, clock, 10_000);
    for (let index = 0; index < 500; index++) quota.observeRoundTrip(index % 2 === 0 ? 20 : 120);
    const noisy = slotsIn(quota, clock, 10_000);
    for (let index = 0; index < 500; index++) quota.observeRoundTrip(20);
    const quietAgain = slotsIn(quota, clock, 10_000);
    expect(quiet / 5_000).toBeGreaterThan(0.965);
    expect(noisy / 5_000).toBeCloseTo(0.89, 2);
    expect(quietAgain).toBeCloseTo(quiet, -2);
  });

  it('holds up for a moment when it is refused, goes on slower, and recovers gradually', () => {
    const { clock, quota } = create(500);
    slotsIn(quota, clock, 1_000);
    quota.throttled(0);
    expect(slotsIn(quota, clock, 99)).toBe(0);
    const after = slotsIn(quota, clock, 1_000);
    slotsIn(quota, clock, 2_000);
    const later = slotsIn(quota, clock, 1_000);
    slotsIn(quota, clock, 3_000);
    const recovered = slotsIn(quota, clock, 1_000);
    expect(after).toBeLessThan(445);
    expect(later).toBeGreaterThan(after + 10);
    expect(recovered).toBeGreaterThan(480);
  });

  it('is cut once for refusals that come together, and again for those that come later', () => {
    const together = create(500);
    for (let refusal = 0; refusal < 20; refusal++) together.quota.throttled(0);
    const one = create(500);
    one.quota.throttled(0);
    const [oneSlots, togetherSlots] = [one, together].map(({ quota, clock }) => slotsIn(quota, clock, 1_000));
    expect(Math.abs(oneSlots! - togetherSlots!)).toBeLessThan(3);
    const apart = create(500);
    for (let refusal = 0; refusal < 20; refusal++) {
      apart.quota.throttled(0);
      apart.clock.ms += 300;
    }
    expect(slotsIn(apart.quota, apart.clock, 1_000)).toBeLessThan(120);
    expect(slotsIn(apart.quota, apart.clock, 60_000)).toBeGreaterThan(20_000);
  });

  it('is cut again a quarter of a second later, and no earlier', () => {
    const [early, late] = [249, 250].map((ms) => {
      const { clock, quota } = create(500);
      quota.throttled(0);
      clock.ms = ms;
      quota.throttled(0);
      return quota.intervalMs;
    });
    const { quota } = create(500);
    const uncut = quota.intervalMs;
    expect(uncut / early!).toBeCloseTo(0.9, 5);
    // It had begun to recover.
    expect(uncut / late!).toBeCloseTo((0.9 + 0.25 * 0.02) * 0.9, 5);
  });

  it('goes by real time if it is given no other', () => {
    const quota = new LocalQuota(1);
    expect([quota.reserve().slots, quota.reserve().slots]).toEqual([1, 0]);
  });

  it('forgets refusals when it is told to, and not what was sent', () => {
    const { clock, quota } = create(500);
    const sent = slotsIn(quota, clock, 500);
    quota.throttled(30_000);
    quota.forgetRefusals();
    const rest = slotsIn(quota, clock, 500);
    expect(rest).toBeGreaterThan(215);
    expect(sent + rest).toBeLessThanOrEqual(500);
  });

  it('waits as long as the service asks', () => {
    const { clock, quota } = create(500);
    quota.throttled(2_000);
    expect(slotsIn(quota, clock, 1_999)).toBe(0);
    expect(slotsIn(quota, clock, 1_000)).toBeGreaterThan(400);
  });

  it('waits so long even if it may go faster afterwards', () => {
    const { clock, quota } = create(124);
    quota.throttled(2_000);
    quota.limit = 500;
    expect(slotsIn(quota, clock, 1_999)).toBe(0);
  });
});
