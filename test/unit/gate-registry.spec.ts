import { describe, expect, it } from '@jest/globals';
import { GateLease, type QuotaSettings } from '../../lib/quota/gate-registry.js';

const lease = (endpoint: string, settings: Partial<QuotaSettings> = {}, appId = 'app'): GateLease =>
  new GateLease(
    { requestsPerSecond: 500, reserve: 0, maxQueue: 10, scope: 'accessKey', ...settings },
    endpoint,
    appId,
  );

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
});
