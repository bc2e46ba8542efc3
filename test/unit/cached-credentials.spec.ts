import { beforeEach, describe, expect, it } from '@jest/globals';
import { CachedCredentials } from '../../lib/credentials/cached-credentials.js';
import type { RtcCredentials } from '../../lib/credentials/credentials.js';
import type { Redacted } from '../../lib/privacy/redacted.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import { rejectionOf } from '../support/rejection.js';

const MINUTE = 60_000;

describe("a provider's credentials", () => {
  let now = 0;
  let asked = 0;
  let events: { failure?: string; usable: boolean }[] = [];
  let answer: () => RtcCredentials | Promise<RtcCredentials>;
  let cache: CachedCredentials;
  const key = (name: string, expiration?: number): RtcCredentials => ({
    accessKeyId: name,
    secretAccessKey: `secret-of-${name}`,
    expiration,
  });
  const fail = (): never => {
    throw new Error('the reason');
  };
  /** The key that is served now. */
  const served = async (): Promise<string> => (await cache.get()).open().accessKeyId;
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  beforeEach(() => {
    now = 1_000 * MINUTE;
    asked = 0;
    events = [];
    answer = () => key(`key-${asked}`);
    cache = createCache();
  });
  const createCache = (providerTimeoutMs?: number): CachedCredentials =>
    new CachedCredentials(
      async () => {
        asked += 1;
        return answer();
      },
      { now: () => now, onAsked: (event) => events.push(event) },
      providerTimeoutMs,
    );

  it('are asked for once for all calls that wait', async () => {
    const keys = await Promise.all(Array.from({ length: 50 }, served));
    expect(new Set(keys)).toEqual(new Set(['key-1']));
    expect([asked, events]).toEqual([1, [{ usable: true }]]);
  });

  it('are not asked for before they are needed', async () => {
    await settle();
    expect(asked).toBe(0);
  });

  it('have a status, without the provider being asked', async () => {
    expect(cache.status).toEqual({ state: 'pending' });
    answer = () => key('key', now + 60 * MINUTE);
    await served();
    now += 10 * MINUTE;
    const [ageMs, expiresInMs] = [10 * MINUTE, 50 * MINUTE];
    expect(cache.status).toEqual({ state: 'fresh', ageMs, expiresInMs });

    now += 46 * MINUTE;
    answer = fail;
    await served();
    await settle();
    const failure = 'the provider failed with Error';
    expect(cache.status).toEqual({ state: 'ageing', ageMs: 56 * MINUTE, expiresInMs: 4 * MINUTE, failure });
    now += 4 * MINUTE;
    expect(cache.status).toEqual({ state: 'unusable', failure });

    answer = () => key('key', now + MINUTE);
    await served();
    // Idle since: it has not failed, it has not been asked.
    now += 2 * MINUTE;
    expect([cache.status, asked]).toEqual([{ state: 'pending' }, 3]);
    expect(JSON.stringify(cache.status)).not.toContain('secret');
  });

  describe('without an expiration', () => {
    it('are kept for a minute, then renewed while the old ones serve', async () => {
      await served();
      now += MINUTE - 1;
      expect([await served(), asked]).toEqual(['key-1', 1]);
      now += 1;
      expect([await served(), asked]).toEqual(['key-1', 2]);
      await settle();
      expect([await served(), asked]).toEqual(['key-2', 2]);
    });

    it('go on serving while the provider hangs', async () => {
      await served();
      answer = () => new Promise(() => undefined);
      now += 10 * MINUTE;
      expect((cache.get() as Redacted<RtcCredentials>).open().accessKeyId).toBe('key-1');
      expect(asked).toBe(2);
    });

    it('go on serving, idle or not, when the provider fails', async () => {
      await served();
      answer = fail;
      now += 60 * MINUTE;
      expect(await served()).toBe('key-1');
      await settle();
      expect(events.at(-1)).toEqual({ failure: 'the provider failed with Error', usable: true });
    });
  });

  describe('with an expiration', () => {
    beforeEach(async () => {
      answer = () => key(`key-${asked}`, now + 60 * MINUTE);
      await served();
    });

    it('are renewed five minutes ahead of it, in the background', async () => {
      now += 55 * MINUTE - 1;
      expect([await served(), asked]).toEqual(['key-1', 1]);
      now += 1;
      expect([await served(), asked]).toEqual(['key-1', 2]);
      await settle();
      expect(await served()).toBe('key-2');
    });

    it('go on serving until then when the provider fails, which is asked once a second at most', async () => {
      answer = fail;
      now += 56 * MINUTE;
      const times: number[] = [];
      for (let second = 0; second < 10; second++) {
        const before = asked;
        expect(await served()).toBe('key-1');
        await settle();
        if (asked > before) times.push(second);
        now += 500;
      }
      expect(times).toEqual([0, 2, 4, 6, 8]);
      expect(events.at(-1)).toMatchObject({ usable: true });
    });

    it('serve no longer once they have expired: waiting calls fail, and the provider is asked again', async () => {
      answer = fail;
      now += 60 * MINUTE;
      const errors = await Promise.all([rejectionOf(served()), rejectionOf(served())]);
      expect(errors[0]).toBeInstanceOf(RtcConfigError);
      expect(errors[1]).toBe(errors[0]);
      expect(asked).toBe(2);
      expect(events.at(-1)).toMatchObject({ usable: false });
      // A provider that is down is not asked by every call.
      expect(await rejectionOf(served())).toBe(errors[0]);
      expect(asked).toBe(2);
      now += 1_000;
      answer = () => key('key-back');
      expect(await served()).toBe('key-back');
    });

    it('are renewed after four fifths of a short life', async () => {
      answer = () => key(`short-${asked}`, now + 10_000);
      now += 60 * MINUTE;
      expect(await served()).toBe('short-2');
      now += 7_999;
      expect([await served(), asked]).toEqual(['short-2', 2]);
      now += 1;
      await served();
      expect(asked).toBe(3);
    });
  });

  describe('that were refused', () => {
    let refused: Redacted<RtcCredentials>;
    beforeEach(async () => {
      refused = await cache.get();
    });

    it('are replaced, once for all refused calls', async () => {
      const replaced = await Promise.all(Array.from({ length: 50 }, () => cache.replace(refused)));
      expect(new Set(replaced)).toEqual(new Set([true]));
      expect([await served(), asked]).toEqual(['key-2', 2]);
    });

    it('are not asked for again by a call that was refused before others replaced them', async () => {
      await cache.replace(refused);
      expect([await cache.replace(refused), asked]).toEqual([true, 2]);
    });

    it('are asked for again by a call that was refused during a renewal, if that brings the same', async () => {
      let finish = (_value: RtcCredentials): void => undefined;
      answer = () => new Promise((resolve) => (finish = resolve));
      now += MINUTE;
      await served();
      const replacing = cache.replace(refused);
      await settle();
      answer = () => key('key-rotated');
      finish(key('key-1'));
      expect([await replacing, await served(), asked]).toEqual([true, 'key-rotated', 3]);
    });

    it.each<[string, () => RtcCredentials]>([
      ['the same again', () => key('key-1')],
      ['nothing', fail],
    ])('are final when the provider gives %s, which is then not asked for a while', async (_what, given) => {
      answer = given;
      expect(await cache.replace(refused)).toBe(false);
      expect([await cache.replace(refused), asked]).toEqual([false, 2]);
      answer = () => key('key-new');
      now += 999;
      expect([await cache.replace(refused), asked]).toEqual([false, 2]);
      now += 1;
      expect([await cache.replace(refused), await served()]).toEqual([true, 'key-new']);
    });
  });

  it('are asked for again soon after a failure, though the clock was set back meanwhile', async () => {
    answer = fail;
    await rejectionOf(served());
    now -= 60 * MINUTE;
    answer = () => key('key');
    expect(await served()).toBe('key');
  });

  it('are renewed in the background, though the clock was set back after they came', async () => {
    await served();
    now -= 60 * MINUTE;
    await served();
    await settle();
    expect([asked, await served()]).toEqual([2, 'key-2']);
  });

  it('that never come time out, so that the next call asks again', async () => {
    cache = createCache(20);
    answer = () => new Promise(() => undefined);
    const hanging = rejectionOf<RtcConfigError>(served());
    const error = await hanging;
    expect(error.message).toContain('did not answer within 20 ms');
    now += 1_000;
    answer = () => key('key-late');
    expect(await served()).toBe('key-late');
  });
});
