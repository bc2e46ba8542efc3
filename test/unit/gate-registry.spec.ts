import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { LocalQuota } from '../../lib/quota/local-quota.js';
import { isQuotaStore, type QuotaScope, type QuotaStore } from '../../lib/quota/quota-store.js';
import { GateLease, type QuotaSettings } from '../../lib/quota/gate-registry.js';

const lease = (endpoint: string, settings: Partial<QuotaSettings> = {}, appId = 'app'): GateLease =>
  new GateLease(
    { requestsPerSecond: 500, reserve: 0, maxQueue: 10, scope: 'accessKey', ...settings },
    endpoint,
    appId,
  );

describe('the gates of a store', () => {
  const settings: QuotaSettings = { requestsPerSecond: 500, reserve: 100, maxQueue: 10, scope: 'accessKey' };

  it('are one for all who use it, told by one of them, and let go of with the last', () => {
    const opened: QuotaScope[] = [];
    let closed = 0;
    const store: QuotaStore = {
      open: (scope) => {
        opened.push(scope);
        return Object.assign(new LocalQuota(scope.limit), { close: () => void (closed += 1) });
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
      (name) => new GateLease(settings, 'http://s', 'app', { store, onStatus: () => told.push(name) }),
    );
    const gate = one!.gateFor('key');
    expect(other!.gateFor('key')).toBe(gate);
    expect(opened).toMatchObject([{ name: '["http://s","key",""]', limit: 400 }]);
    opened[0]!.onStatus({ status: 'shared' });
    expect(told).toEqual(['one']);
    one!.release();
    opened[0]!.onStatus({ status: 'fallback' });
    expect([told, closed]).toEqual([['one', 'other'], 0]);
    const apart = new GateLease(settings, 'http://t', 'app', { store, onStatus: () => undefined });
    const another = apart.gateFor('key');
    other!.release();
    expect(closed).toBe(1);
    expect(one!.gateFor('key')).not.toBe(gate);
    expect(apart.gateFor('key')).toBe(another);
    expect(opened).toHaveLength(3);
    // A process's own gates are others.
    expect(lease('http://t').gateFor('key')).not.toBe(another);
  });
});

describe("a process's gates", () => {
  it('are one for each access key at an endpoint, whoever asks', () => {
    const [one, other] = [lease('http://a'), lease('http://a', {}, 'another app')];
    expect(one.gateFor('key')).toBe(other.gateFor('key'));
    expect(lease('http://a').gateFor('another key')).not.toBe(one.gateFor('key'));
    expect(lease('http://b').gateFor('key')).not.toBe(one.gateFor('key'));
  });

  it('are one for each app where that is the scope', () => {
    const settings = { scope: 'app' } as const;
    const gate = lease('http://c', settings, 'one').gateFor('key');
    expect(lease('http://c', settings, 'two').gateFor('key')).not.toBe(gate);
    expect(lease('http://c', settings, 'one').gateFor('key')).toBe(gate);
  });

  it('stay when the access key of a module changes, and when all let go of them', () => {
    const rotating = lease('http://d');
    const gate = rotating.gateFor('key-1');
    expect(rotating.gateFor('key-2')).toBe(gate);
    expect(rotating.gateFor('key-1')).toBe(gate);
    rotating.release();
    expect(lease('http://d').gateFor('key-2')).toBe(gate);
  });

  it('tell how much is used, of the share that holds for all', () => {
    const [large, small] = [lease('http://f', { maxQueue: 7 }), lease('http://f', { reserve: 400 })];
    expect(large.usage).toEqual({
      queued: 0,
      maxQueue: 7,
      waitMs: 0,
      queuedBulk: 0,
      requestsPerSecond: 0,
      limit: 500,
    });
    small.gateFor('key');
    large.gateFor('key');
    expect(large.usage).toMatchObject({ maxQueue: 10, limit: 100 });
    expect(small.usage).toMatchObject({ maxQueue: 10, limit: 100 });
    small.release();
    expect(large.usage).toMatchObject({ limit: 500 });
  });

  it('hold all to the smallest share, for as long as someone wants it', () => {
    const [large, small] = [lease('http://e'), lease('http://e', { reserve: 400 })];
    const { quota } = large.gateFor('key');
    const alone = quota.intervalMs;
    small.gateFor('key');
    expect(quota.intervalMs).toBeGreaterThan(4 * alone);
    small.release();
    expect(quota.intervalMs).toBe(alone);
  });

  it('let go of a module whose new access key has a gate already', () => {
    const [large, small, other] = [lease('http://g'), lease('http://g', { reserve: 400 }), lease('http://g')];
    const { quota } = large.gateFor('key-1');
    const alone = quota.intervalMs;
    small.gateFor('key-1');
    const gate = other.gateFor('key-2');
    expect(small.gateFor('key-2')).toBe(gate);
    expect(quota.intervalMs).toBe(alone);
  });

  it('hold those who stay to the smallest share of theirs', () => {
    const [large, middle, small] = [0, 200, 400].map((reserve) => lease('http://h', { reserve }));
    for (const one of [large!, middle!, small!]) one.gateFor('key');
    small!.release();
    expect(large!.usage.limit).toBe(300);
    const { quota } = large!.gateFor('key');
    const shared = quota.intervalMs;
    middle!.release();
    expect(quota.intervalMs).toBeLessThan(shared);
  });

  it('remember refusals while a module renews its access key, and forget them with the last module', () => {
    const rotating = lease('http://i');
    const { quota } = rotating.gateFor('key-1');
    quota.throttled(20_000);
    rotating.gateFor('key-2');
    expect(quota.heldMs).toBeGreaterThan(10_000);
    const other = lease('http://i');
    other.gateFor('key-2');
    rotating.release();
    expect(quota.heldMs).toBeGreaterThan(10_000);
    other.release();
    expect(quota.heldMs).toBeLessThan(100);
    // Twice does no harm.
    other.release();
  });

  it('tell the share that a module will have before its first call', () => {
    expect(lease('http://j', { reserve: 400 }).usage.limit).toBe(100);
  });

  it('are forgotten once no one has used them for longer than the service looks back', () => {
    jest.useFakeTimers();
    const [one, other] = [lease('http://k'), lease('http://k')];
    const [gate, used] = [one.gateFor('key'), other.gateFor('used')];
    one.release();
    jest.advanceTimersByTime(5_000);
    lease('http://l').gateFor('key');
    expect(lease('http://k').gateFor('key')).toBe(gate);

    lease('http://l').gateFor('another key');
    const late = lease('http://m');
    const unused = late.gateFor('key');
    late.release();
    jest.advanceTimersByTime(5_001);
    expect(lease('http://m').gateFor('key')).not.toBe(unused);
    expect(lease('http://k').gateFor('used')).toBe(used);
  });
  afterEach(() => void jest.useRealTimers());
});
