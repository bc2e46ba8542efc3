import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { RtcQuotaError } from '../../lib/errors/rtc-quota.error.js';
import {
  isQuotaStore,
  type QuotaScope,
  type QuotaStatus,
  type QuotaStore,
} from '../../lib/quota/quota-store.js';
import { LimiterHandle, type QuotaSettings } from '../../lib/quota/limiter-registry.js';
import type { ThrottlingEstimate } from '../../lib/quota/adaptive-limit.js';
import type { PermitRequest, RateLimiter, RequestPermit } from '../../lib/quota/rate-limiter.js';

const SETTINGS: QuotaSettings = {
  requestsPerSecond: 500,
  costPer: 'request',
  roomMessagesPerSecond: undefined,
  credit: true,
  reserve: 0,
  maxQueue: 10,
  scope: 'accessKey',
};
const handle = (endpoint: string, settings: Partial<QuotaSettings> = {}, appId = 'app'): LimiterHandle =>
  new LimiterHandle({ ...SETTINGS, ...settings }, endpoint, appId);

const ONE: PermitRequest = { priority: 'single', permits: 1, recipients: 1, withinMs: 60_000 };
/** How many of so many requests go at once. */
function burstOf(limiter: RateLimiter, roomId?: string): number {
  const request = { ...ONE, priority: 'bulk', roomId } as const;
  const permits = Array.from({ length: 200 }, () => limiter.enter(request));
  const gone = permits.filter((permit) => !('granted' in permit));
  for (const permit of permits) if ('granted' in permit) permit.cancel();
  for (const permit of gone) (permit as RequestPermit).giveBack('accepted');
  return gone.length;
}

/** Sends until refusals have lowered twice what the limiter allows. */
function refuseEveryTwentieth(limiter: RateLimiter): void {
  for (let count = 1; count < 200;) {
    const permit = limiter.enter({ ...ONE, priority: 'bulk' });
    if ('granted' in permit) permit.cancel();
    else permit.giveBack(count++ % 20 === 0 ? { throttledMs: 0 } : 'accepted');
    jest.advanceTimersByTime('granted' in permit ? 50 : 1);
  }
}

describe('the limiters of a store', () => {
  const settings: QuotaSettings = { ...SETTINGS, reserve: 100 };

  it('are one for all modules that use it, observed by one of them, and released with the last', () => {
    const opened: QuotaScope[] = [];
    let closed = 0;
    const store: QuotaStore = {
      open: (scope) => {
        opened.push(scope);
        return {
          request: () => undefined,
          close: () => void (closed += 1),
        };
      },
    };
    expect([isQuotaStore(store), isQuotaStore({}), isQuotaStore(undefined), isQuotaStore(null)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    const told: string[] = [];
    const [one, other] = ['one', 'other'].map(
      (name) =>
        new LimiterHandle(settings, 'http://s', 'app', {
          store,
          onStatus: ({ status, failure }) => told.push([name, status, failure].join(' ').trim()),
        }),
    );
    const change = (status: QuotaStatus, index = 0): void =>
      opened[index]!.onPermits({
        permits: 10,
        usableUntil: Infinity,
        endsAt: Infinity,
        status,
        failure: status === 'shared' ? undefined : 'away',
      });
    const limiter = one!.limiterFor('key');
    expect(other!.limiterFor('key')).toBe(limiter);
    expect(opened).toMatchObject([{ name: '["http://s","key",""]' }]);
    expect(opened[0]!.demand()).toMatchObject({ limit: 400 });
    change('shared');
    change('shared');
    expect(told).toEqual(['one shared']);
    one!.release();
    change('fallback');
    expect([told, closed]).toEqual([['one shared', 'other fallback away'], 0]);
    const apart = new LimiterHandle(settings, 'http://t', 'app', { store });
    const another = apart.limiterFor('key');
    // The store knows what is unanswered.
    (limiter.enter(ONE) as RequestPermit).giveBack('unanswered');
    other!.release();
    expect(closed).toBe(1);
    change('shared');
    expect([told.length, limiter.usage.allowed]).toEqual([2, 400]);
    expect(one!.limiterFor('key')).not.toBe(limiter);
    expect(apart.limiterFor('key')).toBe(another);
    expect(opened).toHaveLength(3);
    // A process's own limiters are others.
    expect(handle('http://t').limiterFor('key')).not.toBe(another);
  });
});

describe('the limiter of a store', () => {
  it('lets those go that still wait in it when the access key becomes that of another module', async () => {
    let scope: QuotaScope | undefined;
    let closed = 0;
    const store: QuotaStore = {
      open: (opened) => {
        scope = opened;
        return { request: () => undefined, close: () => void (closed += 1) };
      },
    };
    const [other, rotating] = ['other', 'rotating'].map(
      (appId) => new LimiterHandle(SETTINGS, 'http://rotated', appId, { store }),
    ) as [LimiterHandle, LimiterHandle];
    other.limiterFor('new');
    const place = rotating.limiterFor('old').enter({ ...ONE, priority: 'bulk' });
    if (!('granted' in place)) throw new Error('It has no permits yet');
    expect(rotating.limiterFor('new')).toBe(other.limiter);
    expect(closed).toBe(0);
    const held = { permits: 1, usableUntil: Infinity, endsAt: Infinity };
    scope!.onPermits({ ...held, status: 'shared' });
    (await place.granted).giveBack('accepted');
    rotating.release();
    expect(closed).toBe(1);
    other.release();
    expect(closed).toBe(2);
  });

  it('is closed once, whatever access keys its module had', () => {
    const names: string[] = [];
    let closed = 0;
    const store: QuotaStore = {
      open: ({ name }) => {
        names.push(name);
        return { request: () => undefined, close: () => void (closed += 1) };
      },
    };
    const rotating = new LimiterHandle(SETTINGS, 'http://s', 'app', { store });
    rotating.limiterFor('key-1');
    rotating.limiterFor('key-2');
    rotating.forAction('A', 10).limiterFor('key-2');
    expect(names).toEqual(['["http://s","key-1",""]', '["http://s","key-2","","A"]']);
    rotating.release();
    expect(closed).toBe(2);
  });

  it('may know its status as it is opened, and nobody need listen', () => {
    const told: QuotaStatus[] = [];
    const store: QuotaStore = {
      open: ({ onPermits }) => {
        onPermits({ permits: 0, usableUntil: 0, endsAt: 0, status: 'refusing', failure: 'away' });
        return { request: () => undefined, close: () => undefined };
      },
    };
    const module = new LimiterHandle(SETTINGS, 'http://s', 'app', {
      store,
      onStatus: ({ status }) => told.push(status),
    });
    expect(() => module.limiterFor('key').enter(ONE)).toThrow('The shared quota is unavailable: away');
    // The status of an action's limit is not emitted: it has the same store.
    expect(() => module.forAction('A', 10).limiterFor('key').enter(ONE)).toThrow(RtcQuotaError);
    expect(told).toEqual(['refusing']);
    module.release();
  });
});

describe("a process's limiters", () => {
  it('are one for each access key at an endpoint, whoever asks', () => {
    const [one, other] = [handle('http://a'), handle('http://a', {}, 'another app')];
    expect(one.limiterFor('key')).toBe(other.limiterFor('key'));
    expect(handle('http://a').limiterFor('another key')).not.toBe(one.limiterFor('key'));
    expect(handle('http://b').limiterFor('key')).not.toBe(one.limiterFor('key'));
  });

  it('are one for each app where that is the scope', () => {
    const settings = { scope: 'app' } as const;
    const limiter = handle('http://c', settings, 'one').limiterFor('key');
    expect(handle('http://c', settings, 'two').limiterFor('key')).not.toBe(limiter);
    expect(handle('http://c', settings, 'one').limiterFor('key')).toBe(limiter);
  });

  it('stay when the access key of a module changes, and when all modules release them', () => {
    const rotating = handle('http://d');
    const limiter = rotating.limiterFor('key-1');
    expect(rotating.limiterFor('key-2')).toBe(limiter);
    expect(rotating.limiterFor('key-1')).toBe(limiter);
    (limiter.enter(ONE) as RequestPermit).giveBack('accepted');
    rotating.release();
    expect(handle('http://d').limiterFor('key-2')).toBe(limiter);
  });

  it('report how much is used of the share that holds for all', () => {
    const [large, small] = [handle('http://f', { maxQueue: 7 }), handle('http://f', { reserve: 400 })];
    expect(large.usage).toStrictEqual({
      queued: 0,
      maxQueue: 7,
      waitMs: 0,
      queuedBulk: 0,
      permitsPerSecond: 0,
      limit: 500,
      allowed: 500,
      costPer: 'request',
    });
    expect(handle('http://f', { costPer: 'recipient', roomMessagesPerSecond: 100 }).usage).toMatchObject({
      costPer: 'recipient',
      roomMessagesPerSecond: 100,
    });
    small.limiterFor('key');
    large.limiterFor('key');
    expect(large.usage).toMatchObject({ maxQueue: 10, limit: 100 });
    expect(small.usage).toMatchObject({ maxQueue: 10, limit: 100 });
    small.release();
    expect(large.usage).toMatchObject({ limit: 500 });
  });

  it('hold all to the smallest share, for as long as someone wants it', () => {
    const [large, small] = [handle('http://e'), handle('http://e', { reserve: 400 })];
    const limiter = large.limiterFor('key');
    expect(small.limiterFor('key')).toBe(limiter);
    expect(limiter.usage.allowed).toBe(100);
    small.release();
    expect(limiter.usage.allowed).toBe(500);
  });

  it('hold all to the smallest limit of rooms', () => {
    const [none, some, small] = [undefined, 100, 10].map((roomMessagesPerSecond) =>
      handle('http://r', { roomMessagesPerSecond }),
    );
    const limiter = none!.limiterFor('key');
    some!.limiterFor('key');
    small!.limiterFor('key');
    expect(burstOf(limiter, 'room-1')).toBe(1);
    expect(burstOf(limiter, 'room-2')).toBe(1);
    small!.release();
    // A slow machine adds what has come due meanwhile.
    expect(burstOf(limiter, 'room-3')).toBeGreaterThanOrEqual(8);
    some!.release();
  });

  it('use permits early by half of the least round trip, unless one of their users wants none of that', async () => {
    jest.useFakeTimers();
    /** Requests a second, each of which is answered after 500 ms. */
    const rateWith = async (endpoint: string, ...credits: boolean[]): Promise<number> => {
      const [limiter] = credits.map((credit) =>
        handle(endpoint, { requestsPerSecond: 20, credit }).limiterFor('key'),
      );
      let answered = 0;
      const send = async (): Promise<void> => {
        const entered = limiter!.enter({ ...ONE, priority: 'bulk' });
        const permit = 'granted' in entered ? await entered.granted : entered;
        await new Promise((resolve) => setTimeout(resolve, 500));
        permit.giveBack('accepted');
        answered += 1;
        void send();
      };
      for (let worker = 0; worker < 30; worker++) void send();
      await jest.advanceTimersByTimeAsync(60_000);
      answered = 0;
      await jest.advanceTimersByTimeAsync(30_000);
      return answered / 30;
    };
    try {
      // Of 20 permits, each is out for 1 s and the round trip, with credit for 150 ms less.
      expect(await rateWith('http://c1', true, true)).toBeGreaterThan(14.3);
      expect(await rateWith('http://c2', true, false)).toBeLessThan(13.5);
    } finally {
      jest.useRealTimers();
    }
  });

  it('release a module whose new access key has a limiter already', () => {
    const [large, small, other] = [
      handle('http://g'),
      handle('http://g', { reserve: 400 }),
      handle('http://g'),
    ];
    const first = large.limiterFor('key-1');
    small.limiterFor('key-1');
    const limiter = other.limiterFor('key-2');
    expect(small.limiterFor('key-2')).toBe(limiter);
    expect(first.usage.allowed).toBe(500);
  });

  it('hold those who stay to the smallest share of theirs', () => {
    const [large, middle, small] = [0, 200, 400].map((reserve) => handle('http://h', { reserve }));
    for (const one of [large!, middle!, small!]) one.limiterFor('key');
    small!.release();
    expect(large!.usage).toMatchObject({ limit: 300, allowed: 300 });
    middle!.release();
    expect(large!.usage).toMatchObject({ limit: 500, allowed: 500 });
  });

  it('remember refusals while a module renews its access key, and forget them with the last module', () => {
    const rotating = handle('http://i');
    const limiter = rotating.limiterFor('key-1');
    (limiter.enter(ONE) as RequestPermit).giveBack({ throttledMs: 20_000 });
    rotating.limiterFor('key-2');
    expect(limiter.usage.waitMs).toBeGreaterThan(10_000);
    const other = handle('http://i');
    other.limiterFor('key-2');
    rotating.release();
    expect(limiter.usage.waitMs).toBeGreaterThan(10_000);
    other.release();
    expect(limiter.usage.waitMs).toBeLessThan(100);
    // Twice does no harm.
    other.release();
  });

  it('emit to one of their modules what the service is found to allow', () => {
    const told: (ThrottlingEstimate | undefined)[][] = [[], []];
    const [one, other] = told.map(
      (mine) =>
        new LimiterHandle(SETTINGS, 'http://n', 'app', { onThrottling: (estimate) => mine.push(estimate) }),
    );
    const limiter = one!.limiterFor('key');
    other!.limiterFor('key');
    jest.useFakeTimers();
    refuseEveryTwentieth(limiter);
    expect(told).toEqual([[{ permitsPerSecond: expect.any(Number) }], []]);
    // The last one that leaves is not told that refusals are forgotten, and without modules nobody is.
    one!.release();
    other!.release();
    expect(told.flat()).toHaveLength(1);
    expect(limiter.usage.allowed).toBe(500);
    const ofAction = one!.forAction('A', 500).limiterFor('key');
    refuseEveryTwentieth(ofAction);
    expect(ofAction.usage.allowed).toBeLessThan(500);
    expect(told.flat()).toHaveLength(1);
    one!.release();
  });

  it('know what a request costs, how large it should be, and how many should be in flight', () => {
    const [perRequest, perRecipient] = [handle('http://o'), handle('http://o', { costPer: 'recipient' })];
    expect([perRequest.costOf(600), perRecipient.costOf(600), perRecipient.costOf(0)]).toEqual([1, 600, 1]);
    expect([perRequest.limiter.chunkSize, perRequest.limiter.concurrency]).toEqual([
      Number.POSITIVE_INFINITY,
      16,
    ]);
    perRequest.limiterFor('key');
    expect([perRequest.limiter.chunkSize, perRequest.limiter.concurrency]).toEqual([
      Number.POSITIVE_INFINITY,
      16,
    ]);
  });

  it('report the share of a module before its first call', () => {
    expect(handle('http://j', { reserve: 400 }).usage.limit).toBe(100);
  });

  it('are forgotten once no module uses them and none of their requests can still be counted', () => {
    jest.useFakeTimers();
    const [one, other, silent] = [handle('http://k'), handle('http://k'), handle('http://k')];
    const [limiter, used, unanswered] = [one, other, silent].map((each, key) =>
      each.limiterFor(`key-${key}`),
    );
    (limiter!.enter(ONE) as RequestPermit).giveBack('accepted');
    (unanswered!.enter(ONE) as RequestPermit).giveBack('unanswered');
    one.release();
    silent.release();
    jest.advanceTimersByTime(1_001);
    handle('http://l').limiterFor('key');
    expect(handle('http://k').limiterFor('key-0')).toBe(limiter);
    const late = handle('http://m');
    const unused = late.limiterFor('key');
    late.release();
    jest.advanceTimersByTime(5_001);
    expect(handle('http://m').limiterFor('key')).not.toBe(unused);
    expect(handle('http://k').limiterFor('key-1')).toBe(used);
    expect(handle('http://k').limiterFor('key-2')).toBe(unanswered);
  });

  afterEach(() => void jest.useRealTimers());
});

describe('the limit of an action', () => {
  const limitOf = (of: LimiterHandle): number => of.usage.limit;

  it('is apart from that of messages and of other actions', () => {
    const module = handle('http://actions', { costPer: 'recipient', reserve: 100 });
    const [one, other] = [module.forAction('A', 10), module.forAction('B', 20)];
    const limiters = [module, one, other].map((each) => each.limiterFor('key'));
    expect(new Set(limiters).size).toBe(3);
    expect(module.forAction('A', 10)).toBe(one);
    expect([limitOf(module), limitOf(one), limitOf(other)]).toEqual([400, 10, 20]);
    module.release();
  });

  it('is a guess only until someone gives one, whichever comes first', () => {
    const module = handle('http://guess');
    const guess = module.forAction('A', Infinity);
    guess.limiterFor('key');
    expect(limitOf(guess)).toBe(10);
    const forty = module.forAction('A', 40);
    forty.limiterFor('key');
    expect([limitOf(forty), limitOf(guess)]).toEqual([40, 40]);
    const fifty = module.forAction('A', 50);
    fifty.limiterFor('key');
    module.forAction('A', Infinity).limiterFor('key');
    expect([limitOf(fifty), limitOf(guess)]).toEqual([40, 40]);
    module.forAction('A', 10).limiterFor('key');
    expect([limitOf(fifty), limitOf(guess)]).toEqual([10, 10]);
    module.release();
  });
});
