import { describe, expect, it, jest } from '@jest/globals';
import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { ClientMessageReceiver } from '../../lib/callbacks/client-message-receiver.js';
import { ClientSignatureService } from '../../lib/callbacks/client-signature.service.js';
import { resolveCallbackSettings } from '../../lib/callbacks/callback-settings.js';
import { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import { callbackSettings, handlerOf, statusOf } from '../support/callback-receivers.js';
import { APP_ID, EVENT_SECRET, MESSAGE_SECRET } from '../support/callback-requests.js';
import { printed } from '../support/printed.js';

const OLD_SECRET = 'the-secret-before-that-one';

function serviceOf(secrets: readonly string[] = [MESSAGE_SECRET], appId = APP_ID): ClientSignatureService {
  const clientMessages = { path: '/messages', secrets };
  return new ClientSignatureService(resolveCallbackSettings({ appId, clientMessages }, undefined, {}));
}

const ID = fc.stringMatching(/^[a-zA-Z0-9@._-]{1,128}$/);

describe("a client's signature", () => {
  const service = serviceOf();

  it('says whom it was issued to, for which room and until when', () => {
    fc.assert(
      fc.property(
        ID,
        fc.option(ID, { nil: undefined }),
        fc.integer({ min: 1, max: 86_400 }),
        (userId, roomId, seconds) => {
          const signature = service.issue({ userId, roomId, expiresInSeconds: seconds });
          expect(signature).toMatch(/^[\w-]+\.[\w-]{43}$/);
          const { expiresAt, ...claims } = service.verify(signature);
          expect(claims).toEqual(roomId === undefined ? { userId } : { userId, issuedForRoom: roomId });
          expect(Math.abs(expiresAt.getTime() - Date.now() - seconds * 1_000)).toBeLessThan(2_000);
        },
      ),
    );
  });

  it('is refused with any other character, and with more or fewer of them', () => {
    const signature = service.issue({ userId: 'alice', roomId: 'room-1', expiresInSeconds: 60 });
    fc.assert(
      fc.property(fc.nat(signature.length - 1), fc.string({ minLength: 0, maxLength: 2 }), (at, other) => {
        const altered = signature.slice(0, at) + other + signature.slice(at + 1);
        fc.pre(altered !== signature);
        expect(() => service.verify(altered)).toThrow(RtcValidationError);
      }),
      { numRuns: 500 },
    );
    for (const altered of [
      `${signature}.`,
      `${signature}.x`,
      `${signature}=`,
      `.${signature}`,
      '',
      '.',
      '..',
    ]) {
      expect(() => service.verify(altered)).toThrow('was not issued here');
    }
    for (const value of [undefined, null, 1, {}, [], Symbol('x'), Object.create(null)]) {
      expect(() => service.verify(value as never)).toThrow(RtcValidationError);
    }
  });

  it('is refused when it has expired, is of another app, of another purpose or of another secret', () => {
    const signature = service.issue({ userId: 'alice', expiresInSeconds: 60 });
    jest.useFakeTimers({ now: Date.now() + 60_001 });
    expect(() => service.verify(signature)).toThrow('has expired');
    jest.useRealTimers();
    const ofOther = serviceOf([MESSAGE_SECRET], 'another-app').issue({
      userId: 'alice',
      expiresInSeconds: 60,
    });
    expect(() => service.verify(ofOther)).toThrow('was not issued here');
    const [payload = ''] = signature.split('.');
    for (const signed of [payload, `another-purpose\n${payload}`]) {
      const mac = createHmac('sha256', MESSAGE_SECRET).update(signed).digest('base64url');
      expect(() => service.verify(`${payload}.${mac}`)).toThrow('was not issued here');
    }
    const ofOtherSecret = serviceOf([OLD_SECRET]).issue({ userId: 'alice', expiresInSeconds: 60 });
    expect(() => service.verify(ofOtherSecret)).toThrow('was not issued here');
  });

  it('is refused without an HMAC if it is longer than any that is issued', () => {
    const appId = '\u0001'.repeat(128);
    const id = 'x'.repeat(128);
    const longest = serviceOf([MESSAGE_SECRET], appId);
    const signature = longest.issue({ userId: id, roomId: id, expiresInSeconds: 60 });
    expect(longest.verify(signature).userId).toBe(id);
    const many = serviceOf(Array.from({ length: 10 }, (_, index) => `${MESSAGE_SECRET}-${index}`));
    const long = Buffer.from(`${'a'.repeat(260_000)}.${'a'.repeat(43)}`).toString();
    const began = performance.now();
    for (let n = 0; n < 100; n++) createHmac('sha256', MESSAGE_SECRET).update(long).digest();
    const hmacs = performance.now();
    let refused = 0;
    for (let n = 0; n < 1_000; n++) {
      try {
        many.verify(long);
      } catch {
        refused += 1;
      }
    }
    expect(refused).toBe(1_000);
    // There would be 10,000, one for each secret.
    expect(performance.now() - hmacs).toBeLessThan((hmacs - began) * 20);
  });

  it('can not be turned into that of another user', () => {
    const [alice, bob] = ['alice', 'bob'].map((userId) =>
      service.issue({ userId, expiresInSeconds: 60 }).split('.'),
    );
    expect(() => service.verify(`${bob?.[0]}.${alice?.[1]}`)).toThrow('was not issued here');
  });

  it('stays good while its secret is being replaced', () => {
    const signature = serviceOf([OLD_SECRET]).issue({ userId: 'alice', expiresInSeconds: 60 });
    const both = serviceOf([MESSAGE_SECRET, OLD_SECRET]);
    expect(both.verify(signature).userId).toBe('alice');
    expect(service.verify(both.issue({ userId: 'bob', expiresInSeconds: 60 })).userId).toBe('bob');
  });

  it.each([
    [{ userId: 'a b', expiresInSeconds: 60 }, 'userId'],
    [{ userId: 'alice', roomId: '', expiresInSeconds: 60 }, 'roomId'],
    [{ userId: 'alice', expiresInSeconds: 86_401 }, 'expiresInSeconds'],
    [{ userId: 'alice', expiresInSeconds: 0 }, 'expiresInSeconds'],
    [{ userId: 'alice' }, 'expiresInSeconds'],
    [{ userId: 'alice', expiresInSeconds: 60, admin: true }, 'admin'],
    [undefined, 'request'],
  ])('is not issued for %j', (request, path) => {
    expect(() => service.issue(request as never)).toThrow(path);
  });

  it('and its secret are in nothing that prints the service or its errors', async () => {
    let thrown: unknown;
    try {
      service.verify('CANARY-signature');
    } catch (error) {
      thrown = error;
    }
    for (const value of [service, thrown, callbackSettings()]) {
      const text = await printed(value);
      for (const secret of [MESSAGE_SECRET, EVENT_SECRET, 'CANARY']) expect(text).not.toContain(secret);
    }
  });
});

describe('the settings of callbacks', () => {
  const problemsOf = (given: unknown, variables: Record<string, string> = {}): string => {
    try {
      resolveCallbackSettings(given, undefined, variables);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const PATH = { path: '/events' };

  it('come from the options, and from the environment where these have none', () => {
    const variables = {
      RTC_APP_ID: 'app',
      RTC_CALLBACK_SECRETS: 'secret-1,secret-2',
      RTC_CLIENT_MESSAGE_SECRETS: `${MESSAGE_SECRET},${OLD_SECRET}`,
    };
    const settings = resolveCallbackSettings(
      { events: PATH, clientMessages: { path: '/m' } },
      undefined,
      variables,
    );
    expect(settings).toMatchObject({ appId: 'app', events: { maxAgeMs: 900_000, acknowledge: 'handled' } });
    expect(settings.events?.secrets.open()).toEqual(['secret-1', 'secret-2']);
    expect(settings.clientMessages?.secrets.open()).toEqual([MESSAGE_SECRET, OLD_SECRET]);
    const own = resolveCallbackSettings(
      { appId: 'x', events: { ...PATH, secrets: ['secret-3'] } },
      'a',
      variables,
    );
    expect(own).toMatchObject({ appId: 'x', name: 'a', clientMessages: undefined });
    expect(own.events?.secrets.open()).toEqual(['secret-3']);
  });

  it.each([
    [{}, ['RtcCallbackModule.appId (RTC_APP_ID): is missing', 'RtcCallbackModule.events: is missing']],
    [{ appId: 'x', events: PATH }, ['RtcCallbackModule.events.secrets (RTC_CALLBACK_SECRETS): is missing']],
    [{ appId: 'x', events: { secrets: ['secret-1'] } }, ['RtcCallbackModule.events.path: is missing']],
    [
      { appId: 'x', events: { ...PATH, secrets: [] } },
      ['events.secrets (RTC_CALLBACK_SECRETS): must have 1–10'],
    ],
    [{ appId: 'x', events: { ...PATH, secrets: 'one' } }, ['must be a list of strings, got a string']],
    [{ appId: 'x', events: { ...PATH, secrets: ['secret-1', 'b c'] } }, ['events.secrets[1]']],
    [{ appId: 'x', events: { ...PATH, secrets: ['secret-1'], redis: {} } }, ['must be a client of ioredis']],
    [
      { appId: 'x', events: { path: 'events/:id', secrets: ['secret-1'] } },
      ['events.path: must be a path such as'],
    ],
    [{ appId: 'x', clientMessages: { path: '/m', secrets: ['short'] } }, ['secrets[0]', 'must be 16–256']],
    [{ appId: 'x', events: { ...PATH, secrets: ['seven77'] } }, ['secrets[0]', 'must be 8–256']],
    [{ appId: 'x', event: PATH }, ['RtcCallbackModule.event: is not an option; did you mean events?']],
  ])('that are wrong are all named, with their variables: %j', (given, expected) => {
    const message = problemsOf(given);
    expect(message).toContain('RtcCallbackModule is not configured correctly');
    for (const part of expected) expect(message).toContain(part);
    expect(message).not.toMatch(/b c|short|seven77/);
  });

  it('name a variable once, however many of its secrets are wrong', () => {
    const variables = { RTC_APP_ID: 'x', RTC_CALLBACK_SECRETS: ',' };
    expect(problemsOf({ events: PATH }, variables).match(/RTC_CALLBACK_SECRETS/g)).toHaveLength(1);
  });

  it('name the variable with a wrong secret, and never the secret', () => {
    const message = problemsOf(
      { appId: 'x', clientMessages: { path: '/m' } },
      { RTC_CLIENT_MESSAGE_SECRETS: 'hunter2' },
    );
    expect(message).toContain('(RTC_CLIENT_MESSAGE_SECRETS): must be 16–256');
    expect(message).not.toContain('hunter2');
  });
});

describe('the rate of a user', () => {
  const settingsOf = (maxPerSecond: number) =>
    callbackSettings({ clientMessages: { path: '/messages', maxPerSecond } });
  const answers = handlerOf(['a client message'], () => 'ok');
  /** Sends a message at a time, and returns the status of the answer. */
  const senderAt = (maxPerSecond: number) => {
    let now = 0;
    const settings = settingsOf(maxPerSecond);
    const receiver = new ClientMessageReceiver(settings, [answers], undefined, () => now);
    const issuer = new ClientSignatureService(settings);
    const signatures = new Map<string, string>();
    return async (at: number, userId: string): Promise<number> => {
      now = at;
      const signature = signatures.get(userId) ?? issuer.issue({ userId, expiresInSeconds: 60 });
      signatures.set(userId, signature);
      return await statusOf(receiver.receive({ message: 'x', signature }));
    };
  };

  it('is as many messages in a second as it may be, whoever else sends', async () => {
    const say = senderAt(2);
    const statuses = [];
    for (const [at, userId] of [
      [0, 'alice'],
      [999, 'alice'],
      [999, 'alice'],
      [999, 'bob'],
      [1_000, 'alice'],
      [1_998, 'alice'],
      [1_999, 'alice'],
    ] as const) {
      statuses.push(await say(at, userId));
    }
    expect(statuses).toEqual([200, 200, 429, 200, 200, 429, 200]);
  });

  it('holds in any second, wherever that begins, and lets each second have its messages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 20, maxLength: 60 }),
        async (most, pauses) => {
          const say = senderAt(most);
          const taken: number[] = [];
          let now = 0;
          for (const pause of pauses) {
            now += pause;
            const earlier = taken.filter((at) => at > now - 1_000).length;
            const status = await say(now, 'alice');
            expect(status).toBe(earlier < most ? 200 : 429);
            if (status === 200) taken.push(now);
          }
        },
      ),
    );
  });
});
