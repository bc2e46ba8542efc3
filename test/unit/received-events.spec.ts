import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import type { Fields } from '../../lib/callbacks/callback-request.js';
import type { EventRedis } from '../../lib/callbacks/callback-options.js';
import { readEvent, signEvent } from '../../lib/callbacks/read-event.js';
import type { RtcCallbackEvent } from '../../lib/callbacks/rtc-callback-event.js';
import { callbackSettings, handlerOf, receiverOf } from '../support/callback-receivers.js';
import {
  APP_ID,
  EVENT_SECRET,
  signatureOf,
  type WireEvent,
  wireEvent,
} from '../support/callback-requests.js';

const SIGNED = ['EventType', 'EventData', 'EventTime', 'EventId', 'AppId', 'Version', 'Nonce'] as const;

/** The status of the refusal; 200 if there is none. */
function statusOf(fields: object, options: object = {}, now = Date.now()): number {
  try {
    readEvent(fields as Fields, APP_ID, callbackSettings({ events: options as never }).events!, now);
    return 200;
  } catch (error) {
    return (error as { status: number }).status;
  }
}

/** Promises that a test resolves itself. */
function deferred() {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** A handler whose calls last until the test ends them. */
function hangingHandler() {
  const { promise, resolve } = deferred();
  const hanging = {
    calls: 0,
    end: () => {
      resolve();
      return promise;
    },
    handler: handlerOf(['*'], () => {
      hanging.calls += 1;
      return promise;
    }),
  };
  return hanging;
}

describe("an event's signature", () => {
  it('is that of the values and the secret, sorted by their bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 8 }),
        fc.string(),
        (values, secret) => {
          const fields = Object.fromEntries(SIGNED.map((name, index) => [name, values[index] ?? '']));
          expect(signEvent(Object.values(fields), secret)).toBe(signatureOf(fields, secret));
        },
      ),
    );
  });

  it('is accepted with any of the secrets, and with the older name of Nonce', () => {
    const secrets = ['the new one', 'the old one'].map((text) => text.replaceAll(' ', '-'));
    for (const secret of secrets) expect(statusOf(wireEvent({}, secret), { secrets })).toBe(200);
    const { Nonce, ...others } = wireEvent();
    expect(statusOf({ ...others, Noce: Nonce })).toBe(200);
    expect(statusOf(others)).toBe(400);
  });

  it('is refused for whatever byte of a value, of the secret or of itself is another one', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SIGNED, 'Signature' as const),
        fc.nat(),
        fc.integer({ min: 1, max: 127 }),
        (name, place, change) => {
          const event = wireEvent();
          const text = event[name];
          const at = place % text.length;
          const other = String.fromCharCode(text.charCodeAt(at) ^ change);
          const altered = { ...event, [name]: text.slice(0, at) + other + text.slice(at + 1) };
          expect([401, 400]).toContain(statusOf(altered));
        },
      ),
    );
    expect(statusOf(wireEvent({}, `${EVENT_SECRET}x`))).toBe(401);
    expect(statusOf(wireEvent({}, EVENT_SECRET.slice(1)))).toBe(401);
    expect(statusOf({ ...wireEvent(), Signature: wireEvent().Signature.toUpperCase() })).toBe(401);
  });
});

describe('an event', () => {
  it('is refused if a field is missing or not a string', () => {
    for (const name of [...SIGNED, 'Signature'] as const) {
      const { [name]: _, ...others } = wireEvent();
      expect([name, statusOf(others)]).toEqual([name, 400]);
      for (const value of [null, 1, true, {}, [], ['a'], undefined]) {
        expect([name, statusOf({ ...wireEvent(), [name]: value })]).toEqual([name, 400]);
      }
    }
  });

  it('is refused for anything that is no event, though it is signed', () => {
    expect(statusOf(wireEvent({ AppId: 'another' }))).toBe(403);
    for (const EventType of ['', 'User Join', 'x\n', 'ü', '2020-12-01', '*', 'x'.repeat(129)]) {
      expect([EventType, statusOf(wireEvent({ EventType }))]).toEqual([EventType, 400]);
    }
    expect(statusOf(wireEvent({ EventId: '' }))).toBe(400);
    expect(statusOf(wireEvent({ EventData: '{' }))).toBe(400);
    for (const data of [null, 1, [], {}, { RoomId: 'r' }, { RoomId: 1, UserId: 'u' }]) {
      expect([data, statusOf(wireEvent({ EventData: JSON.stringify(data) }))]).toEqual([data, 400]);
    }
    const EventData = JSON.stringify({ RoomId: 'r' });
    expect(statusOf(wireEvent({ EventType: 'RoomCreate', EventData }))).toBe(200);
    expect(statusOf(wireEvent({ EventType: 'RecordStarted', EventData: '7' }))).toBe(200);
    expect(statusOf(wireEvent({ EventType: 'Record.Audio-Stop', EventData: 'no JSON' }))).toBe(200);
  });

  it('is taken within fifteen minutes of its time, or what is set, and in no time without a zone', () => {
    const now = Date.now();
    const at = (ms: number): string => new Date(now + ms).toISOString();
    for (const ms of [0, -900_000, 900_000])
      expect(statusOf(wireEvent({ EventTime: at(ms) }), {}, now)).toBe(200);
    for (const ms of [-900_001, 900_001, -1e11]) {
      expect(statusOf(wireEvent({ EventTime: at(ms) }), {}, now)).toBe(403);
    }
    expect(statusOf(wireEvent({ EventTime: at(-5_000) }), { maxAgeMs: 4_000 }, now)).toBe(403);
    expect(statusOf(wireEvent({ EventTime: at(0).replace('Z', '+00:00') }), {}, now)).toBe(200);
    for (const EventTime of [
      at(0).slice(0, -1),
      String(now),
      'now',
      '',
      '0',
      '1e13',
      '9'.repeat(13),
      '2026-13-01T00:00:00Z',
    ]) {
      expect([EventTime, [400, 403].includes(statusOf(wireEvent({ EventTime }), {}, now))]).toEqual([
        EventTime,
        true,
      ]);
    }
  });

  it('has data of a hundred thousand levels without any harm', () => {
    const EventData = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(statusOf(wireEvent({ EventType: 'Unknown', EventData }))).toBe(200);
    expect(statusOf(wireEvent({ EventData }))).toBe(400);
  });
});

describe('the receiver of events', () => {
  it('has each event handled once, however often it comes', async () => {
    const handled: unknown[] = [];
    const { tell } = receiverOf([handlerOf(['*'], (event) => handled.push(event))]);
    const event = wireEvent();
    for (let time = 0; time < 3; time++) expect(await tell(event)).toBe(200);
    // The service may sign the same event anew.
    expect(await tell(wireEvent({ EventId: event.EventId, Nonce: 'another' }))).toBe(200);
    expect(handled).toHaveLength(1);
    expect(await tell(wireEvent())).toBe(200);
    expect(handled).toHaveLength(2);
  });

  it('recognises an event whose characters have moved between fields, since its signature stays right', async () => {
    const handled: unknown[] = [];
    const { tell } = receiverOf([handlerOf(['*'], (event) => handled.push(event))]);
    // Neighbours in the sorted order, between which characters can move.
    const event = wireEvent({ EventId: 'abc', Nonce: 'abd' });
    expect(await tell(event)).toBe(200);
    expect(await tell({ ...event, EventId: event.Nonce, Nonce: event.EventId })).toBe(200);
    const sorted = ['EventId', 'Nonce', 'Version', 'EventTime'] as const;
    let moved = 0;
    for (const from of sorted) {
      for (const to of sorted) {
        const altered: WireEvent = {
          ...event,
          [to]: event[to] + event[from][0]!,
          [from]: event[from].slice(1),
        };
        if (from === to || signatureOf({ ...altered }, EVENT_SECRET) !== event.Signature) continue;
        moved += 1;
        await tell(altered);
      }
    }
    expect(moved).toBeGreaterThan(0);
    expect(handled).toHaveLength(1);
  });

  it('does not take an event for handled since a copy of another one had its ID', async () => {
    const store = new Map<string, string>();
    const redis = {
      get: async (key: string) => store.get(key) ?? null,
      set: async (key: string, value: string) => store.set(key, value),
    };
    const event = wireEvent({ EventId: '1001', Nonce: '1000' });
    const copy = { ...event, EventId: '1000', Nonce: '1001' };
    expect(signatureOf(copy, EVENT_SECRET)).toBe(event.Signature);
    for (const options of [{}, { redis }]) {
      let failures = 1;
      const handled: string[] = [];
      const handler = handlerOf(['*'], (one) => {
        if (failures-- > 0) throw new Error('as planned');
        handled.push((one as RtcCallbackEvent).id);
      });
      const first = receiverOf([handler], options);
      // The retry that succeeds is a copy.
      const answers = [await first.tell(event), await first.tell(copy)];
      // A process that knows them by Redis alone.
      const { tell } = options.redis ? receiverOf([handler], options) : first;
      for (const one of [copy, event, wireEvent({ EventId: '1000' })]) answers.push(await tell(one));
      expect([answers, handled]).toEqual([
        [500, 200, 200, 200, 200],
        ['1000', '1000'],
      ]);
    }
  });

  it('does not take an event for a copy whose type or data were changed, whichever comes first', async () => {
    const event = wireEvent({ EventId: 'x1', Nonce: 'Ab3dEf' });
    const copy = { ...event, Nonce: 'Ab3dE', EventType: 'fUserJoinRoom' };
    expect(signatureOf(copy, EVENT_SECRET)).toBe(event.Signature);
    for (const order of [
      [event, copy, event],
      [copy, event, copy],
    ]) {
      let failures = 1;
      const types: string[] = [];
      const { tell } = receiverOf([
        handlerOf(['*'], (one) => {
          if (failures-- > 0) throw new Error('as planned');
          types.push((one as RtcCallbackEvent).type);
        }),
      ]);
      const statuses = [];
      for (const one of order) statuses.push(await tell(one));
      expect(statuses).toEqual([500, 409, 200]);
      expect(types).toEqual([order[0]!.EventType]);
    }
    // Nobody handles the copy.
    let joins = 0;
    const { tell } = receiverOf([handlerOf(['UserJoinRoom'], () => (joins += 1))]);
    expect([await tell(copy), await tell(event), joins]).toEqual([200, 200, 1]);
  });

  it('takes data of a hundred thousand levels, and recognises it', async () => {
    let calls = 0;
    const { tell } = receiverOf([handlerOf(['*'], () => (calls += 1))]);
    const EventData = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const event = wireEvent({ EventType: 'Unknown', EventData });
    expect([await tell(event), await tell(event), calls]).toEqual([200, 200, 1]);
  });

  it('calls a handler that hangs again, and once it has ended late, no more', async () => {
    const hanging = hangingHandler();
    let others = 0;
    const works = handlerOf(['*'], () => (others += 1));
    const { tell, logger } = receiverOf([hanging.handler, works], {}, 20);
    const event = wireEvent();
    expect(await Promise.all([tell(event), tell(event)])).toEqual([500, 500]);
    expect(hanging.calls).toBe(1);
    expect(logger.lines[0]).toMatch(/^ERROR A\.handler\(\) failed to handle UserJoinRoom: no end in 20 ms/);
    expect(await tell(event)).toBe(500);
    expect(hanging.calls).toBe(2);
    await hanging.end();
    expect(await tell(event)).toBe(200);
    expect([hanging.calls, others]).toEqual([2, 1]);
  });

  it('calls no more once any call has succeeded, however later calls end', async () => {
    const calls = [deferred(), deferred()];
    let count = 0;
    const set: unknown[] = [];
    const redis = { get: () => Promise.resolve(null), set: (key: string) => Promise.resolve(set.push(key)) };
    const { tell } = receiverOf(
      [
        handlerOf(['*'], async () => {
          const call = calls[count++];
          await call?.promise;
          if (call === calls[1]) throw new Error('as planned');
        }),
      ],
      { redis },
      100,
    );
    const event = wireEvent();
    expect(await tell(event)).toBe(500);
    const second = tell(event);
    await new Promise((done) => setImmediate(done));
    expect(count).toBe(2);
    calls[0]?.resolve();
    await new Promise((done) => setImmediate(done));
    calls[1]?.resolve();
    expect(await second).toBe(500);
    expect(await tell(event)).toBe(200);
    expect(count).toBe(2);
    expect(set).toHaveLength(2);
  });

  it('waits as long for a call that another request has started as for one of its own', async () => {
    const hanging = hangingHandler();
    const { tell } = receiverOf([hanging.handler], {}, 200);
    const event = wireEvent();
    const first = tell(event);
    await new Promise((done) => setTimeout(done, 120));
    const second = tell(event);
    expect(await first).toBe(500);
    await hanging.end();
    expect([await second, hanging.calls]).toEqual([200, 1]);
  });

  it('remembers a call that succeeds when no request waits for it any more', async () => {
    const hanging = hangingHandler();
    const { tell } = receiverOf([hanging.handler], {}, 20);
    const event = wireEvent();
    expect(await tell(event)).toBe(500);
    await hanging.end();
    await new Promise((done) => setImmediate(done));
    expect([await tell(event), hanging.calls]).toEqual([200, 1]);
  });

  it('calls only those handlers again that have failed', async () => {
    const calls: string[] = [];
    let failures = 2;
    const { tell, logger } = receiverOf([
      handlerOf(['UserJoinRoom'], () => calls.push('good')),
      handlerOf(['*'], () => {
        calls.push('bad');
        if (failures-- > 0) throw new TypeError('what a client sent');
      }),
      handlerOf(['UserLeaveRoom'], () => calls.push('other')),
    ]);
    const event = wireEvent();
    expect([await tell(event), await tell(event), await tell(event), await tell(event)]).toEqual([
      500, 500, 200, 200,
    ]);
    expect(calls).toEqual(['good', 'bad', 'bad', 'bad']);
    expect(logger.lines).toHaveLength(1);
    expect(logger.lines[0]).toMatch(
      /^ERROR A\.handler\(\) failed to handle UserJoinRoom: TypeError\n {4}at /,
    );
    expect(logger.lines[0]).not.toContain('what a client sent');
  });

  it('has a retry wait for the call that is under way', async () => {
    const hanging = hangingHandler();
    const { tell } = receiverOf([hanging.handler]);
    const event = wireEvent();
    const answers = [
      tell(event),
      tell(event),
      tell({ ...event, EventId: event.Nonce, Nonce: event.EventId }),
      tell(wireEvent({ EventId: event.EventId, Nonce: 'x' })),
    ];
    await new Promise((done) => setImmediate(done));
    await hanging.end();
    expect(await Promise.all(answers)).toEqual([200, 200, 200, 200]);
    expect(hanging.calls).toBe(1);
  });

  it('answers at once with acknowledge: early, while the handler still works', async () => {
    const { promise, resolve } = deferred();
    let isDone = false;
    const { tell } = receiverOf(
      [
        handlerOf(['*'], async () => {
          await promise;
          isDone = true;
        }),
      ],
      { acknowledge: 'early' },
    );
    expect(await tell(wireEvent())).toBe(200);
    expect(isDone).toBe(false);
    resolve();
    await new Promise((done) => setImmediate(done));
    expect(isDone).toBe(true);
  });

  it('has no timer keep the process for a handler that hangs after an early answer', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const hanging = hangingHandler();
    const { tell } = receiverOf([hanging.handler], { acknowledge: 'early' });
    expect(await tell(wireEvent())).toBe(200);
    expect(timers()).toBe(before);
    await hanging.end();
  });

  it('leads to one success for each handler, whatever fails and however often the service tries', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.constantFrom('fails', 'works', 'is slow'), { maxLength: 4 }), {
          minLength: 1,
          maxLength: 3,
        }),
        fc.integer({ min: 1, max: 6 }),
        async (plans, tries) => {
          const successes = plans.map(() => 0);
          const handlers = plans.map((plan, index) => {
            const left = [...plan];
            return handlerOf(['*'], async () => {
              const step = left.shift() ?? 'works';
              if (step === 'is slow') await new Promise((done) => setImmediate(done));
              if (step === 'fails') throw new Error('as planned');
              successes[index]! += 1;
            });
          });
          const { tell } = receiverOf(handlers);
          const event = wireEvent();
          const answers = await Promise.all([tell(event), tell(event)]);
          for (let more = 0; more < tries; more++) answers.push(await tell(event));
          if (answers.includes(200)) expect(successes).toEqual(plans.map(() => 1));
          expect(Math.max(...successes)).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('events that were handled', () => {
  /** A process, which says how often its handler was called, and what it answered. */
  const processOf = (redis?: object, path = '/events') => {
    let calls = 0;
    const { tell, logger } = receiverOf([handlerOf(['*'], () => (calls += 1))], {
      path,
      redis: redis as EventRedis,
    });
    const handles = async (event: object) => {
      const before = calls;
      return [await tell(event), calls - before];
    };
    return { handles, logger };
  };
  const storeOf = () => {
    const stored = new Map<string, string>();
    const set = async (key: string, value: string) => void stored.set(key, value);
    return { stored, get: async (key: string) => stored.get(key) ?? null, set };
  };
  const event = (fields: Partial<WireEvent> = {}) => wireEvent({ EventId: '1', Nonce: '2', ...fields });
  const swapped = ({ EventId, Nonce, ...others }: WireEvent) => ({
    ...others,
    EventId: Nonce,
    Nonce: EventId,
  });

  it('are known to other processes through Redis by ID and by signature, and to no other route', async () => {
    const store = storeOf();
    const first = event();
    expect(await processOf(store).handles(first)).toEqual([200, 1]);
    const idKey = createHash('sha256').update('1').digest('base64url');
    expect([...store.stored.keys()].sort()).toEqual(
      [first.Signature, idKey].map((key) => `rtc:event:${APP_ID}:/events:${key}`).sort(),
    );
    expect(await processOf(store).handles(swapped(first))).toEqual([200, 0]);
    expect(await processOf(store).handles(event({ Nonce: '3' }))).toEqual([200, 0]);
    expect(await processOf(store, '/other').handles(first)).toEqual([200, 1]);
  });

  it('are remembered in Redis for twice the time in which an event is taken', async () => {
    const times: unknown[] = [];
    const store = { ...storeOf(), set: async (...given: unknown[]) => void times.push(given.slice(2)) };
    expect(await processOf(store).handles(event())).toEqual([200, 1]);
    expect(times).toEqual([
      ['PX', 1_800_000],
      ['PX', 1_800_000],
    ]);
  });

  it('are not taken for a changed copy that comes to another process', async () => {
    const store = storeOf();
    const first = event({ Nonce: 'Ab3dEf' });
    const copy = { ...first, Nonce: 'Ab3dE', EventType: 'fUserJoinRoom' };
    expect(await processOf(store).handles(first)).toEqual([200, 1]);
    const other = processOf(store);
    expect(await other.handles(copy)).toEqual([409, 0]);
    expect(await other.handles(first)).toEqual([200, 0]);
  });

  it('have keys of one length, however long their IDs are', async () => {
    const store = storeOf();
    const EventId = '\u4e00'.repeat(80_000);
    const { handles } = processOf(store);
    expect(await handles(event({ EventId }))).toEqual([200, 1]);
    expect(await handles(event({ EventId, Nonce: '3' }))).toEqual([200, 0]);
    expect(await handles(event({ EventId: `${EventId}x` }))).toEqual([200, 1]);
    for (const key of store.stored.keys()) expect(key.length).toBeLessThan(128);
  });

  it('are known in the process alone while Redis fails, hangs or throws at once', async () => {
    const failures: (() => unknown)[] = [
      async () => {
        throw new Error('READONLY');
      },
      () => {
        throw new Error('closed');
      },
      () => new Promise(() => undefined),
    ];
    for (const fails of failures) {
      let asked = 0;
      const ask = () => {
        asked += 1;
        return fails();
      };
      const { handles, logger } = processOf({ get: ask, set: ask });
      expect(await handles(event())).toEqual([200, 1]);
      expect(await handles(event())).toEqual([200, 0]);
      expect(logger.lines).toHaveLength(1);
      expect(logger.lines[0]).toMatch(
        /^WARN Events are remembered in this process alone, since Redis fails: /,
      );
      expect(asked).toBe(6);
    }
  });
});
