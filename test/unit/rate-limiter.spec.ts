import { beforeEach, describe, expect, it } from '@jest/globals';
import { RtcQuotaError } from '../../lib/errors/rtc-quota.error.js';
import type { ThrottlingEstimate } from '../../lib/quota/adaptive-limit.js';
import type { HeldPermits, PermitDemand, PermitSource } from '../../lib/quota/quota-store.js';
import {
  type LimiterOptions,
  type PermitRequest,
  RateLimiter,
  type RequestPermit,
} from '../../lib/quota/rate-limiter.js';
import { VirtualTime } from '../support/virtual-time.js';

const queued = ({ usage }: RateLimiter): number => usage.queued + usage.queuedBulk;

let time: VirtualTime;
let limiter: RateLimiter;
let passed: string[];
let permits: Map<string, RequestPermit>;
beforeEach(() => {
  time = new VirtualTime();
  time.ms = 1_000_000;
  open();
});

function open(options: Partial<LimiterOptions> = {}): RateLimiter {
  limiter = new RateLimiter({ limit: 100, maxQueue: 50, time, ...options });
  passed = [];
  permits = new Map();
  return limiter;
}

/** Enters under a name, under which it is found among those who passed; it is answered at once unless it is held. */
function enter(name: string, request: Partial<PermitRequest> = {}, isHeld = false) {
  const entered = limiter.enter({
    priority: 'single',
    permits: 1,
    recipients: 1,
    withinMs: 60_000,
    ...request,
  });
  const pass = (permit: RequestPermit): void => {
    passed.push(name);
    permits.set(name, permit);
    if (!isHeld) permit.giveBack('accepted');
  };
  if ('granted' in entered) entered.granted.then(pass, () => undefined);
  else pass(entered);
  return 'granted' in entered ? entered : undefined;
}
const enterMany = (count: number, request: Partial<PermitRequest> = {}, isHeld = false): void => {
  for (let index = 0; index < count; index++)
    enter(`${request.priority ?? 'single'} ${index}`, request, isHeld);
};
/** A process that has sent before has its whole burst. */
const warmUp = (): void => void enter('first');

describe('a rate limiter', () => {
  it('lets a lone request pass at once', () => {
    expect(enter('lone', { withinMs: 1 })).toBeUndefined();
    expect(passed).toEqual(['lone']);
  });

  it('estimates a wait by the permits of those ahead', () => {
    open({ limit: 100, maxQueue: 100 });
    warmUp();
    // A batch that comes after small ones, and a small one that comes after batches.
    enterMany(30, {}, true);
    expect(limiter.usage.queued).toBeGreaterThan(10);
    expect(() => enter('batch', { permits: 60, withinMs: 2_000 })).not.toThrow();
    for (let index = 0; index < 5; index++) enter(`batch ${index}`, { permits: 60, withinMs: 60_000 });
    expect(limiter.usage.waitMs).toBeGreaterThan(3_500);
    expect(() => enter('late', { withinMs: 3_000 })).toThrow(RtcQuotaError);
    for (const permit of permits.values()) permit.giveBack('accepted');
  });

  it('admits more than a few once the service has answered, even with a refusal', async () => {
    enterMany(12, {}, true);
    await time.pass(500);
    expect(passed).toHaveLength(8);
    permits.get('single 0')!.giveBack('answered');
    await time.pass(500);
    expect(passed).toHaveLength(12);
  });

  it('refuses no single send for its queue while there are permits, though a fan-out has the turn', async () => {
    open({ limit: 100, maxQueue: 0 });
    enterMany(12, { priority: 'bulk' }, true);
    time.ms += 500;
    permits.get('bulk 0')!.giveBack('answered');
    enterMany(2, {}, true);
    await time.pass(0);
    expect(passed).toHaveLength(14);
  });

  it('lets no single send wait without a queue, whatever it would wait for', () => {
    open({ limit: 100, maxQueue: 0, roomLimit: 1 });
    expect(enter('first', { roomId: 'full' })).toBeUndefined();
    expect(() => enter('second', { roomId: 'full' })).toThrow("The quota's queue is full");
    open({
      limit: 100,
      maxQueue: 0,
      openShared: () => ({ request: () => undefined, close: () => undefined }),
    });
    expect(() => enter('first')).toThrow("The quota's queue is full");
    expect(queued(limiter)).toBe(0);
  });

  it('lets a fan-out go when it may, though a larger single send was refused in the meantime', async () => {
    enterMany(18, { priority: 'bulk' });
    expect(passed).toHaveLength(14);
    expect(() => enter('large', { permits: 100, recipients: 100, withinMs: 1 })).toThrow('is too long');
    await time.pass(200);
    expect(passed).toHaveLength(18);
  });

  it('refuses a single send at once that would wait too long for its room, and says how long', () => {
    open({ limit: 500, roomLimit: 10, maxQueue: 1_000 });
    warmUp();
    enterMany(40, { roomId: 'busy' });
    expect(queued(limiter)).toBe(39);
    const problem = thrownBy(() => enter('hurried', { roomId: 'busy', withinMs: 3_000 }));
    expect(problem.message).toContain("The quota's queue is too long");
    expect(problem.retryAfterMs).toBeGreaterThan(3_800);
    expect(enter('patient', { roomId: 'busy', withinMs: 5_000 })).toBeDefined();
    expect(enter('into another room', { roomId: 'quiet', withinMs: 1 })).toBeUndefined();
  });

  it('uses real time by default', async () => {
    limiter = new RateLimiter({ limit: 10, maxQueue: 10 });
    const started = performance.now();
    enterMany(3);
    while (passed.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(performance.now() - started).toBeGreaterThan(150);
    expect(limiter.usage.permitsPerSecond).toBeGreaterThan(0);
  });

  it('admits a burst, then one request after another, in the order of arrival', async () => {
    enterMany(20);
    expect(passed).toHaveLength(14);
    await time.pass(1_000);
    expect(passed).toEqual(Array.from({ length: 20 }, (_none, index) => `single ${index}`));
    expect(queued(limiter)).toBe(0);
  });

  it('keeps the pace, however long the queue', async () => {
    enterMany(64);
    await time.pass(200);
    expect(passed.length).toBeGreaterThan(31);
    expect(passed.length).toBeLessThanOrEqual(35);
  });

  it('admits no more than the limit in a second, and is idle a second after their answers', async () => {
    enterMany(200, { priority: 'bulk' });
    await time.pass(1_001);
    expect(passed).toHaveLength(100);
    await time.pass(1_100);
    expect(passed.length).toBeGreaterThan(190);
  });

  it('reports how much is used and how many wait', async () => {
    expect(limiter.usage).toEqual({
      queued: 0,
      maxQueue: 50,
      waitMs: 0,
      queuedBulk: 0,
      permitsPerSecond: 0,
      limit: 100,
      allowed: 100,
    });
    enterMany(150, { priority: 'bulk', permits: 2 });
    await time.pass(2_000);
    enterMany(10);
    const { permitsPerSecond, waitMs, ...waiting } = limiter.usage;
    expect(permitsPerSecond).toBeGreaterThan(90);
    expect(permitsPerSecond).toBeLessThanOrEqual(102);
    // About ten of its own priority are ahead, and as many of the other.
    expect(waitMs).toBeGreaterThan(170);
    expect(waitMs).toBeLessThan(250);
    expect(waiting.queued).toBeGreaterThanOrEqual(9);
    expect(waiting.queuedBulk).toBeGreaterThan(40);
    await time.pass(5_000);
    expect(limiter.usage).toMatchObject({
      queued: 0,
      queuedBulk: 0,
      permitsPerSecond: 0,
    });
    expect(limiter.isIdle).toBe(true);
  });

  it('lets single sends and those of a fan-out take turns', async () => {
    enterMany(30, { priority: 'bulk' });
    passed.length = 0;
    enterMany(4);
    await time.pass(80);
    expect(passed.slice(0, 8).map((name) => name.split(' ')[0])).toEqual(
      Array.from({ length: 4 }, () => ['single', 'bulk']).flat(),
    );
  });

  it('lets them take turns too while permits are kept for single sends', async () => {
    open({ limit: 400, maxQueue: 5_000 });
    enterMany(3_000);
    enterMany(3_000, { priority: 'bulk' });
    passed.length = 0;
    await time.pass(3_500);
    const ofFanOut = passed.filter((name) => name.startsWith('bulk')).length;
    expect(passed.length).toBeGreaterThan(1_200);
    expect(Math.abs(ofFanOut - passed.length / 2)).toBeLessThan(10);
  });

  it('keeps permits for those to come while single sends wait for their rooms', async () => {
    open({ limit: 400, roomLimit: 1, maxQueue: 5_000 });
    enterMany(50, { roomId: 'full' });
    enterMany(8_000, { priority: 'bulk' });
    await time.pass(970);
    const names = ['1st', '2nd', '3rd', '4th', '5th'];
    expect(names.map((name) => enter(name) === undefined)).toEqual([true, true, true, true, false]);
  });

  it('keeps a few permits of a fan-out for single sends, for some seconds after the last of these', async () => {
    open({ limit: 400 });
    enter('first');
    enterMany(8_000, { priority: 'bulk' });
    const names = ['1st', '2nd', '3rd', '4th', '5th'];
    const passes = (name: string): boolean => {
      const place = enter(name);
      place?.cancel();
      return place === undefined;
    };
    // The fan-out has taken all of its second's permits by then, and the first of them comes back a second after it began.
    await time.pass(970);
    expect(names.map(passes)).toEqual([true, true, true, true, false]);
    await time.pass(1_000);
    expect(names.map(passes)).toEqual([true, true, true, true, false]);
    await time.pass(4_010);
    expect(passes('within five seconds')).toBe(true);
    await time.pass(2_010);
    enter('one more of the fan-out', { priority: 'bulk' });
    await time.pass(3_000);
    expect(passes('later')).toBe(false);
  });

  it('does not give single sends the permits that a request of several waits for', async () => {
    open({ limit: 400, maxQueue: 1_000 });
    enter('large', { priority: 'bulk', permits: 397 });
    await time.pass(2_100);
    enter('single');
    enter('next', { priority: 'bulk', permits: 399 });
    for (let ms = 0; ms < 1_010; ms += 10) {
      enter('another');
      await time.pass(10);
    }
    expect(passed).toContain('next');
  });

  it('compares by permits where these cost more: several single sends for one of a fan-out', async () => {
    enterMany(8);
    enterMany(10, { priority: 'bulk', permits: 4 });
    enterMany(12);
    passed.length = 0;
    for (let ms = 0; ms < 600; ms += 20) {
      // Those that join a queue have their turns after those that wait in it.
      enter('single more');
      await time.pass(20);
    }
    const order = passed.map((name) => name.split(' ')[0]).join(' ');
    expect(order).toContain('bulk single single single single bulk');
  });

  it('does not let a costly request be overtaken until nothing is left for it', async () => {
    open({ maxQueue: 1_000 });
    enterMany(60, { permits: 1 });
    const large = enter('large', { priority: 'bulk', permits: 100 });
    expect(large).toBeDefined();
    enterMany(900);
    await time.pass(3_500);
    expect(passed).toContain('large');
  });

  it('owes no turns to requests that come after the others were served', async () => {
    enterMany(200, { priority: 'bulk' });
    await time.pass(1_500);
    enterMany(20);
    passed.length = 0;
    await time.pass(150);
    const singles = passed.filter((name) => name.startsWith('single')).length;
    expect(Math.abs(2 * singles - passed.length)).toBeLessThanOrEqual(1);
  });

  it('forgets a request that gives up its place', async () => {
    enterMany(14);
    enter('before');
    const place = enter('gone');
    enter('last');
    place!.cancel();
    await time.pass(1_000);
    expect(passed.slice(14)).toEqual(['before', 'last']);
  });

  it('takes back the permit of a request that was cancelled as it was granted', async () => {
    open({ limit: 1 });
    enter('first', {}, true);
    const entered = limiter.enter({ priority: 'single', permits: 1, recipients: 1, withinMs: 60_000 });
    permits.get('first')!.giveBack('unused');
    time.ms += 1_000;
    // Granted by now; its owner has not been told yet.
    enter('next');
    if ('granted' in entered) entered.cancel();
    // It was not used, so the next one waits for the pace alone.
    await time.pass(1_001);
    expect(passed).toEqual(['first', 'next']);
    expect(() => limiter.close()).not.toThrow();
  });

  it('refuses single sends when the queue is full, and says when to come again', () => {
    enterMany(64);
    const problem = thrownBy(() => enter('too many'));
    expect(problem).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted' });
    expect(problem.message).toContain("The quota's queue is full: 50 calls are waiting, for about");
    expect(problem.retryAfterMs).toBeGreaterThan(450);
    expect(problem.retryAfterMs).toBeLessThan(600);
    expect(limiter.usage.queued).toBe(50);
    // What a fan-out has in flight is bounded by itself.
    expect(enter('bulk', { priority: 'bulk' })).toBeDefined();
  });

  it('refuses at once a request that could not be admitted in time', () => {
    enterMany(46);
    expect(thrownBy(() => enter('hurried', { withinMs: 100 })).message).toMatch(
      /queue is too long: 32 calls are waiting, for about \d+ ms/,
    );
    const { waitMs } = limiter.usage;
    expect(thrownBy(() => enter('hurried', { withinMs: waitMs - 1 }))).toBeInstanceOf(RtcQuotaError);
    expect(enter('patient', { withinMs: waitMs })).toBeDefined();
    expect(enter('bulk', { priority: 'bulk', withinMs: 1 })).toBeDefined();
  });

  it('estimates a wait for permits that are out by the round trip', async () => {
    open({ limit: 4 });
    for (const name of ['one', 'other']) {
      enter(name, {}, true);
      await time.pass(600);
    }
    expect(limiter.usage.waitMs).toBeLessThanOrEqual(1_002);
    expect(limiter.usage.waitMs).toBeGreaterThan(900);
  });

  it('takes back a permit once, whatever is reported later', async () => {
    open({ limit: 1 });
    enter('one', {}, true);
    const permit = permits.get('one')!;
    permit.giveBack('unused');
    permit.giveBack({ throttledMs: 60_000 });
    await time.pass(1_000);
    expect(enter('other')).toBeUndefined();
  });

  it.each([
    // 100 permits, each out for 1,102 or for 1,202 ms.
    ['frees permits earlier by half of a way of 200 ms', {}, 91],
    ['frees no permit earlier without credit', { credit: false }, 83],
  ])('%s', async (_title, options, perSecond) => {
    open({ limit: 100, ...options });
    let answered = 0;
    const send = async (): Promise<void> => {
      const entered = limiter.enter({ priority: 'bulk', permits: 1, recipients: 1, withinMs: 1 });
      const permit = 'granted' in entered ? await entered.granted : entered;
      time.after(200, () => {
        permit.giveBack('accepted');
        answered += 1;
        void send();
      });
    };
    for (let worker = 0; worker < 100; worker++) void send();
    await time.pass(12_000);
    answered = 0;
    await time.pass(10_000);
    expect(Math.abs(answered / 10 - perSecond)).toBeLessThan(3);
  });

  it('follows a changed limit', async () => {
    limiter.configure({ limit: 2 });
    enterMany(4);
    await time.pass(1_000);
    expect(passed.length).toBe(2);
    limiter.configure({ limit: 100 });
    await time.pass(100);
    expect(passed.length).toBe(4);
  });

  it('has few requests in flight until the service has accepted one, and wants few more from a fan-out', () => {
    enterMany(20, { priority: 'bulk' }, true);
    expect(passed).toHaveLength(8);
    expect(limiter.concurrency).toBe(16);
    permits.get('bulk 0')!.giveBack('answered');
    expect(limiter.concurrency).toBe(48);
    // The rest of the burst.
    expect(queued(limiter)).toBe(6);
  });
});

describe('the limit of a room', () => {
  beforeEach(() => void open({ limit: 500, roomLimit: 10 }));

  it('lets others overtake requests that wait for their room', async () => {
    for (let index = 0; index < 12; index++) enter(`busy ${index}`, { roomId: 'busy' });
    for (let index = 0; index < 3; index++) enter(`quiet ${index}`, { roomId: `quiet ${index}` });
    for (let index = 0; index < 3; index++) enter(`no room ${index}`);
    const others = ['quiet 0', 'quiet 1', 'quiet 2', 'no room 0', 'no room 1', 'no room 2'];
    expect(passed).toEqual(['busy 0', ...others]);
    await time.pass(1_000);
    expect(passed.filter((name) => name.startsWith('busy'))).toHaveLength(10);
    await time.pass(300);
    expect(passed.filter((name) => name.startsWith('busy'))).toHaveLength(12);
  });

  it.each([
    ['single', 'bulk'],
    ['bulk', 'single'],
  ] as const)(
    'gives %s sends whose room was full no more than their turns afterwards',
    async (blocked, others) => {
      open({ limit: 100, roomLimit: 5, maxQueue: 10_000 });
      // So many that some wait all the time.
      for (let index = 0; index < 100; index++)
        enter(`blocked ${index}`, { priority: blocked, roomId: 'busy' });
      for (let second = 0; second < 3; second++) {
        for (let index = 0; index < 80; index++)
          enter('other', { priority: others, roomId: `${second} ${index}` });
        await time.pass(1_000);
      }
      passed.length = 0;
      for (let index = 0; index < 60; index++) {
        enter('freed', { priority: blocked, roomId: `freed ${index}` });
        enter('other', { priority: others, roomId: `other ${index}` });
      }
      await time.pass(500);
      const count = (name: string): number => passed.filter((one) => one === name).length;
      expect(count('other')).toBeGreaterThan(count('freed') / 2);
    },
  );

  it('admits a single send that has the turn after one whose room is full', async () => {
    for (let index = 0; index < 5; index++) enter(`single ${index}`, { roomId: 'busy' });
    enter('bulk', { priority: 'bulk', roomId: 'quiet' });
    expect(passed).toEqual(['single 0', 'bulk']);
  });

  it('takes permits of the room and of the account together, or none', async () => {
    open({ limit: 12, roomLimit: 10 });
    enter('one', { roomId: 'room' });
    // The account has none yet, so the room keeps its own.
    enter('other', { roomId: 'room' });
    await time.pass(90);
    expect(passed).toEqual(['one']);
    await time.pass(20);
    expect(passed).toEqual(['one', 'other']);
  });

  it('can be set, changed and lifted', async () => {
    limiter.configure({ limit: 500, roomLimit: 2 });
    for (let index = 0; index < 4; index++) enter(`busy ${index}`, { roomId: 'busy' });
    await time.pass(900);
    expect(passed).toHaveLength(2);
    limiter.configure({ limit: 500 });
    expect(passed).toHaveLength(2);
    await time.pass(1);
    expect(passed).toHaveLength(4);
  });

  it('has back what a room was not answered once a later request into another one is answered', async () => {
    open({ limit: 500, roomLimit: 1 });
    enter('silent', { roomId: 'room' }, true);
    permits.get('silent')!.giveBack('unanswered');
    await time.pass(100);
    enter('into another room', { roomId: 'other' });
    enter('next', { roomId: 'room' });
    await time.pass(1_001);
    expect(passed).toEqual(['silent', 'into another room']);
    await time.pass(1);
    expect(passed).toContain('next');
  });

  it('is forgotten for rooms that are idle', async () => {
    for (let room = 0; room < 450; room++) {
      enter(`room ${room}`, { roomId: `room ${room}` });
      await time.pass(20);
    }
    expect(passed).toHaveLength(450);
    // And held for those that are not, however many there are.
    for (let room = 0; room < 40; room++) enter(`again ${room}`, { roomId: `room ${400 + room}` });
    enter('once more', { roomId: 'room 439' });
    await time.pass(50);
    expect(passed).not.toContain('once more');
  });
});

describe('permits that processes share', () => {
  class Source implements PermitSource {
    requests = 0;
    isClosed = false;
    demand: () => PermitDemand = () => ({ limit: 0, out: 0, wanted: 0, together: 0 });
    /** Gives this process so many permits. */
    give: (permits: number, more?: Partial<HeldPermits>) => void = () => undefined;
    request(): void {
      this.requests += 1;
    }
    close(): void {
      this.isClosed = true;
    }
  }
  let source: Source;
  beforeEach(() => {
    source = new Source();
    open({
      openShared: ({ demand, onPermits }) => {
        source.demand = demand;
        source.give = (permits, more) =>
          onPermits({ permits, usableUntil: Infinity, endsAt: Infinity, status: 'shared', ...more });
        return source;
      },
    });
  });

  it('are requested while there are none, and used as far as this process holds them', async () => {
    enterMany(60, { priority: 'bulk' });
    expect([passed.length, source.requests > 0]).toEqual([0, true]);
    source.give(10);
    await time.pass(1);
    // However few they are, some may be used at once.
    expect(passed).toHaveLength(4);
    await time.pass(900);
    expect(passed).toHaveLength(10);
    source.give(30);
    await time.pass(900);
    expect(passed.length).toBeGreaterThan(30);
    expect(passed.length).toBeLessThanOrEqual(40);
  });

  it('are used where the store gives them as they are requested', async () => {
    source.request = () => {
      if (source.requests++ === 0) source.give(2);
    };
    enterMany(2);
    await time.pass(1);
    expect(passed).toEqual(['single 0', 'single 1']);
    // None is requested while some are free.
    expect(source.requests).toBe(1);
    enter('third');
    await time.pass(1_002);
    expect(passed).toHaveLength(3);
  });

  it('are used where the store says each time that it is asked how many there are', async () => {
    source.request = () => source.give(10);
    enterMany(14);
    await time.pass(900);
    expect(passed).toHaveLength(10);
    await time.pass(1_500);
    expect(passed).toHaveLength(14);
  });

  it('may be out up to a smaller number while this process gives some back', async () => {
    source.give(50);
    enterMany(50, { priority: 'bulk' });
    await time.pass(990);
    source.give(20);
    enterMany(100, { priority: 'bulk' });
    passed.length = 0;
    await time.pass(1_000);
    expect(source.demand().out).toBeLessThanOrEqual(20);
    expect(passed.length).toBeGreaterThan(5);
  });

  it('have a demand of what is out and waits, and some more', async () => {
    expect(source.demand()).toEqual({ limit: 100, out: 0, wanted: 0, together: 0 });
    source.give(20);
    enter('batch', { priority: 'bulk', permits: 20 }, true);
    expect(source.demand()).toEqual({ limit: 100, out: 20, wanted: 28, together: 0 });
    enter('next', { permits: 4 });
    expect(source.demand()).toEqual({ limit: 100, out: 20, wanted: 33, together: 4 });
    // What is part of a bulk is followed by more.
    enter('bulk', { priority: 'bulk', permits: 1 });
    expect(source.demand()).toMatchObject({ out: 20, wanted: 100 });
    permits.get('batch')!.giveBack('accepted');
    source.give(100);
    await time.pass(30_000);
    expect(source.demand()).toEqual({ limit: 100, out: 0, wanted: 0, together: 0 });
    enter('single');
    await time.pass(4_900);
    expect(source.demand()).toEqual({ limit: 100, out: 0, wanted: 3, together: 0 });
    await time.pass(200);
    expect(source.demand()).toEqual({ limit: 100, out: 0, wanted: 0, together: 0 });
  });

  it('are not more than the service accepts', () => {
    source.give(100);
    enter('first');
    enterMany(20, { priority: 'bulk' }, true);
    for (const permit of permits.values()) permit.giveBack({ throttledMs: 0 });
    enterMany(1, { priority: 'bulk' });
    expect(source.demand().wanted).toBeLessThan(100);
  });

  it('are all needed for a request that costs more than there are', async () => {
    enter('large', { priority: 'bulk', permits: 150 });
    expect(source.demand()).toMatchObject({ together: 100 });
    source.give(99);
    await time.pass(2_000);
    expect(passed).toEqual([]);
    source.give(100);
    await time.pass(1);
    expect(passed).toEqual(['large']);
  });

  it('are not taken when the store was not heard of for a while, and are requested then', async () => {
    source.give(50, { usableUntil: time.ms + 600 });
    enter('early');
    await time.pass(600);
    source.requests = 0;
    enter('late');
    expect([passed, source.requests]).toEqual([['early'], 1]);
    source.give(50);
    await time.pass(1);
    expect(passed).toEqual(['early', 'late']);
  });

  it('have requests leave until the store may have lost them', async () => {
    source.give(50, { endsAt: time.ms + 2_800 });
    enter('one', {}, true);
    const permit = permits.get('one')!;
    await time.pass(2_799);
    expect(permit.isValid()).toBe(true);
    await time.pass(1);
    expect(permit.isValid()).toBe(false);
    // Others may have it, though the store has told again what this process holds.
    source.give(50, { endsAt: time.ms + 2_800 });
    expect(permit.isValid()).toBe(false);
  });

  it('have requests leave for longer if the store has told in time what this process holds', async () => {
    source.give(50, { endsAt: time.ms + 2_800 });
    enter('one', {}, true);
    await time.pass(2_000);
    source.give(50, { endsAt: time.ms + 2_800 });
    await time.pass(2_799);
    expect(permits.get('one')!.isValid()).toBe(true);
    await time.pass(1);
    expect(permits.get('one')!.isValid()).toBe(false);
  });

  it('have requests leave no longer because this process has permits of its own', async () => {
    source.give(50, { endsAt: time.ms + 1_800 });
    enter('one', {}, true);
    source.give(10, { status: 'fallback' });
    enter('own', {}, true);
    await time.pass(1_800);
    expect([permits.get('one')!.isValid(), permits.get('own')!.isValid()]).toEqual([false, true]);
    // What is out of its own is told to the store.
    source.give(50, { endsAt: time.ms + 1_800 });
    expect(permits.get('own')!.isValid()).toBe(true);
  });

  it('are not free at once when they were not used and have expired', async () => {
    source.give(50, { endsAt: time.ms + 1_800 });
    enter('one', {}, true);
    await time.pass(1_800);
    source.give(50, { endsAt: time.ms + 1_800 });
    permits.get('one')!.giveBack('unused');
    expect(source.demand().out).toBe(1);
    await time.pass(1);
    enter('next');
    await time.pass(1_003);
    expect(source.demand().out).toBe(0);
  });

  it('let others overtake a request that costs more than this process has of its own', async () => {
    enter('large', { priority: 'bulk', permits: 30 });
    source.give(20, { status: 'fallback', failure: 'the store is away' });
    enter('single');
    enter('bulk', { priority: 'bulk', permits: 20 });
    await time.pass(2_000);
    expect(passed).toEqual(['single', 'bulk']);
    // Shared permits are collected for it.
    source.give(20);
    enter('late', { priority: 'bulk' });
    await time.pass(2_000);
    expect(passed).toEqual(['single', 'bulk']);
    source.give(30);
    await time.pass(1);
    await time.pass(1_002);
    expect(passed).toEqual(['single', 'bulk', 'large', 'late']);
  });

  it('that are unavailable refuse waiting and new requests', async () => {
    const place = enter('waiting');
    source.give(0, { status: 'refusing', failure: 'the store is away' });
    await expect(place!.granted).rejects.toMatchObject({
      message: 'The shared quota is unavailable: the store is away. Nothing was sent.',
      retryAfterMs: 250,
    });
    expect(() => place!.cancel()).not.toThrow();
    expect(thrownBy(() => enter('late'))).toMatchObject({ code: 'RTC_QUOTA', retryAfterMs: 250 });
    expect(queued(limiter)).toBe(0);
  });

  it('have the limit of this process, and are closed with it', () => {
    limiter.configure({ limit: 50 });
    expect(source.demand().limit).toBe(50);
    limiter.close();
    expect(source.isClosed).toBe(true);
  });
});

describe('a service that refuses', () => {
  let told: (ThrottlingEstimate | undefined)[];
  beforeEach(() => {
    told = [];
    open({ onThrottling: (estimate) => told.push(estimate) });
    warmUp();
  });

  it('gets no requests for as long as it asks', async () => {
    enter('refused', {}, true);
    permits.get('refused')!.giveBack({ throttledMs: 5_000 });
    expect(limiter.usage.waitMs).toBe(5_000);
    enter('next');
    await time.pass(4_990);
    expect(passed).not.toContain('next');
    await time.pass(20);
    expect(passed).toContain('next');
  });

  it('has chunks refused that are too large for it, waiting and new ones', async () => {
    const rejected: Error[] = [];
    for (let round = 0; round < 3; round++) {
      time.ms += 3_000;
      const name = `chunk ${round}`;
      enter(name, { priority: 'bulk', recipients: 600 }, true);
      const waiting = limiter.enter({ priority: 'bulk', permits: 1, recipients: 600, withinMs: 1 });
      if ('granted' in waiting) void waiting.granted.catch((error: Error) => rejected.push(error));
      else waiting.giveBack('unused');
      permits.get(name)!.giveBack({ throttledMs: 0 });
      if (limiter.chunkSize < 600) break;
      if ('granted' in waiting) waiting.cancel();
    }
    await time.pass(1);
    expect(limiter.usage.chunkSize).toBe(300);
    expect(rejected).toEqual([expect.any(RtcQuotaError)]);
    expect(rejected[0]).toMatchObject({
      chunkSize: 300,
      name: 'RtcQuotaError',
      message: 'The service refuses requests of more than 300 recipients. Nothing was sent.',
      outcome: 'not_attempted',
      retryAfterMs: 0,
      attempts: [],
    });
    expect(thrownBy(() => enter('large', { priority: 'bulk', recipients: 301 })).chunkSize).toBe(300);
    expect(() => enter('small', { priority: 'bulk', recipients: 300 })).not.toThrow();
  });

  it('is reported when it has refused everything for 15 seconds, and when it accepts again', async () => {
    enterMany(40, { priority: 'bulk' }, true);
    const end = (answer: 'accepted' | { throttledMs: number }): void => {
      for (const [name, permit] of permits) {
        permit.giveBack(answer);
        permits.delete(name);
      }
    };
    for (let second = 0; second < 14; second++) {
      end({ throttledMs: 0 });
      await time.pass(1_000);
    }
    expect(told).toEqual([]);
    for (let second = 0; second < 20; second++) {
      end({ throttledMs: 0 });
      await time.pass(1_000);
    }
    expect(told).toEqual([{ permitsPerSecond: 0 }]);
    for (let second = 0; second < 60; second++) {
      end('accepted');
      enter(`${second}`, { priority: 'bulk' }, true);
      await time.pass(1_000);
    }
    expect(told).toEqual([{ permitsPerSecond: 0 }, undefined]);
  });

  it('is reported once its limit is known, and once it allows all again', async () => {
    let second = 0;
    let count = 0;
    const send = (): void => {
      const entered = limiter.enter({ priority: 'bulk', permits: 1, recipients: 1, withinMs: 1 });
      const judge = (permit: RequestPermit): void => {
        const now = Math.floor(time.ms / 1_000);
        if (now !== second) [second, count] = [now, 0];
        count += 1;
        permit.giveBack(count > 50 && time.ms < 1_040_000 ? { throttledMs: 0 } : 'accepted');
        queueMicrotask(send);
      };
      if ('granted' in entered) void entered.granted.then(judge);
      else judge(entered);
    };
    enterMany(0);
    time.after(1, send);
    await time.pass(30_000);
    expect(told).toHaveLength(1);
    expect(told[0]!.permitsPerSecond).toBeGreaterThan(40);
    expect(told[0]!.permitsPerSecond).toBeLessThan(62);
    await time.pass(120_000);
    expect(told).toHaveLength(2);
    expect(told[1]).toBeUndefined();
    expect(limiter.usage.allowed).toBe(100);
  });
});

function thrownBy(act: () => unknown): RtcQuotaError {
  try {
    act();
  } catch (error) {
    return error as RtcQuotaError;
  }
  throw new Error('Nothing was thrown');
}
