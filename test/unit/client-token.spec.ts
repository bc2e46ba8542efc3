import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type JoinTokenRequest,
  type LoginTokenRequest,
  RtcConfigError,
  RtcMessagingModule,
  RtcTokenService,
  RtcValidationError,
} from 'nestjs-rtc-messaging';
import { Test } from '@nestjs/testing';
import { resolveSettings } from '../../lib/config/resolve-settings.js';
import { encodeToken } from '../../lib/tokens/client-token.js';
import { leaksIn } from '../support/printed.js';
import '../support/properties.js';

const APP_ID = '123456781234567812345678';
const APP_KEY = 'CANARY-app-key-0123456789abcdef';
const KEYS = { accessKeyId: 'access-key', secretAccessKey: 'secret-key' };

/** Says something else each time that it is asked. */
function changing(first: unknown, then: unknown): unknown[] {
  let reads = 0;
  return new Proxy([first], {
    get: (list, name, receiver): unknown =>
      name === '0' ? (reads++ === 0 ? first : then) : Reflect.get(list, name, receiver),
  });
}

function serviceWith(options: object = { appKey: APP_KEY }, environment = {}): RtcTokenService {
  return new RtcTokenService(
    resolveSettings({ appId: APP_ID, credentials: KEYS, ...options }, environment, undefined),
  );
}

/** Read from the layout of the vendor's page, with nothing of the library. */
function readToken(token: string, appId = APP_ID, appKey = APP_KEY) {
  expect(token.slice(0, 3 + appId.length)).toBe(`001${appId}`);
  const signed = Buffer.from(token.slice(3 + appId.length), 'base64');
  const length = signed.readUInt16LE(0);
  const content = signed.subarray(2, 2 + length);
  expect(signed.readUInt16LE(2 + length)).toBe(32);
  const signature = signed.subarray(4 + length);
  expect(signature).toEqual(createHmac('sha256', appKey).update(content).digest());
  let at = 12;
  const text = (): string => {
    const end = at + 2 + content.readUInt16LE(at);
    const read = content.subarray(at + 2, end).toString('utf8');
    at = end;
    return read;
  };
  const roomId = text();
  const userId = text();
  const count = content.readUInt16LE(at);
  at += 2;
  const privileges = Array.from({ length: count }, (_, index) => [
    content.readUInt16LE(at + 6 * index),
    content.readUInt32LE(at + 6 * index + 2),
  ]);
  expect(at + 6 * count).toBe(content.length);
  const [nonce, issuedAt, expireAt] = [0, 4, 8].map((place) => content.readUInt32LE(place)) as [
    number,
    number,
    number,
  ];
  return { nonce, issuedAt, expireAt, roomId, userId, privileges };
}

describe('a client token', () => {
  it("is that of the vendor's published encoder", () => {
    const expiry = 1_700_007_200;
    expect(
      encodeToken(APP_ID, '0123456789abcdef0123456789abcdef', {
        nonce: 305_419_896,
        issuedAt: 1_700_000_000,
        expireAt: expiry,
        roomId: 'room-1',
        userId: 'alice',
        // In any order.
        privileges: ['subscribe', 'publish'],
      }),
    ).toBe(
      '001123456781234567812345678OwB4VjQSAPFTZSANVGUGAHJvb20tMQUAYWxpY2UFAAAAIA1UZQEAIA1UZQIAIA1UZQMAIA1UZQQAIA1UZSAACbnwm75RTg//xoXG/YYt5zapnuvv6uMTrLZA3wij/k4=',
    );
  });

  it('says who, where, until when and what, for every legal request', () => {
    const id = fc.stringMatching(/^[a-zA-Z0-9@._-]{1,128}$/);
    const privileges = fc.subarray(['publish', 'subscribe'] as const, { minLength: 1 });
    fc.assert(
      fc.property(
        id,
        fc.option(id, { nil: undefined }),
        fc.integer({ min: 1, max: 604_800 }),
        fc.option(privileges, { nil: undefined }),
        (userId, roomId, expiresInSeconds, allowed) => {
          const before = Math.floor(Date.now() / 1_000);
          const token = serviceWith().issueJoinToken({
            userId,
            expiresInSeconds,
            privileges: allowed,
            ...(roomId === undefined ? { anyRoom: true } : { roomId }),
          });
          const read = readToken(token);
          expect(read).toMatchObject({ userId, roomId: roomId ?? '*' });
          expect(read.expireAt - read.issuedAt).toBe(expiresInSeconds);
          expect(read.issuedAt).toBeGreaterThanOrEqual(before);
          expect(read.issuedAt).toBeLessThanOrEqual(Date.now() / 1_000);
          const numbers = (allowed ?? ['subscribe']).flatMap((name) =>
            name === 'publish' ? [0, 1, 2, 3] : [4],
          );
          expect(read.privileges).toEqual(numbers.map((number) => [number, read.expireAt]));
        },
      ),
    );
  });

  it('to log in with names no room and allows nothing in rooms', () => {
    const token = serviceWith().issueLoginToken({ userId: 'alice', expiresInSeconds: 60 });
    expect(readToken(token)).toMatchObject({ userId: 'alice', roomId: '', privileges: [] });
  });

  it('has a nonce of its own', () => {
    const service = serviceWith();
    const nonces = Array.from(
      { length: 100 },
      () => readToken(service.issueLoginToken({ userId: 'alice', expiresInSeconds: 60 })).nonce,
    );
    expect(new Set(nonces).size).toBeGreaterThan(95);
    // All of the four bytes are used.
    expect(Math.max(...nonces)).toBeGreaterThan(2 ** 31);
  });
});

describe('a request for a token', () => {
  const JOIN = { userId: 'alice', roomId: 'room-1', expiresInSeconds: 3_600 };
  const BAD: [what: string, change: object, path: string, words: string][] = [
    ['no user', { userId: undefined }, 'userId', 'is missing'],
    ['an illegal user', { userId: 'a b' }, 'userId', 'contains a space'],
    ['a wildcard for the user', { userId: '*' }, 'userId', 'contains *'],
    ['no room', { roomId: undefined }, 'roomId', 'anyRoom: true'],
    ['an illegal room', { roomId: 'a/b' }, 'roomId', 'contains /'],
    ['an empty room', { roomId: '' }, 'roomId', 'is empty'],
    ['a wildcard for the room', { roomId: '*' }, 'roomId', 'contains *'],
    ['a room and any room', { anyRoom: true }, 'roomId', 'or else anyRoom: true'],
    ['a wildcard beside any room', { roomId: '*', anyRoom: true }, 'roomId', 'contains *'],
    ['any room in words', { roomId: undefined, anyRoom: 'true' }, 'anyRoom', 'must be true or false'],
    ['not any room, and none', { roomId: undefined, anyRoom: false }, 'roomId', 'is needed'],
    ['no expiry', { expiresInSeconds: undefined }, 'expiresInSeconds', 'is missing'],
    ['an expiry of no seconds', { expiresInSeconds: 0 }, 'expiresInSeconds', 'from 1 to'],
    ['more than 7 days', { expiresInSeconds: 604_801 }, 'expiresInSeconds', 'from 1 to 604800'],
    ['half a second', { expiresInSeconds: 0.5 }, 'expiresInSeconds', 'a whole number of seconds'],
    ['an expiry in words', { expiresInSeconds: '60' }, 'expiresInSeconds', 'a whole number of seconds'],
    [
      'endless expiry',
      { expiresInSeconds: Number.POSITIVE_INFINITY },
      'expiresInSeconds',
      'a whole number of seconds',
    ],
    ['no privileges', { privileges: [] }, 'privileges', 'must have 1–10 entries, got 0'],
    ['an unknown privilege', { privileges: ['toString'] }, 'privileges[0]', 'must be publish or subscribe'],
    ['a number for a privilege', { privileges: [4] }, 'privileges[0]', 'must be publish or subscribe'],
    [
      'a hole in the privileges',
      { privileges: Object.assign(Array(2), ['publish']) },
      'privileges[1]',
      'must be publish or subscribe',
    ],
    ['a word for privileges', { privileges: 'publish' }, 'privileges', 'must be a list of'],
    ['a misspelt field', { room: 'room-1' }, 'room', 'did you mean roomId?'],
  ];
  it.each(BAD)('with %s is refused', (_what, change, path, words) => {
    const issue = (): string => serviceWith().issueJoinToken({ ...JOIN, ...change } as JoinTokenRequest);
    expect(issue).toThrow(RtcValidationError);
    expect(issue).toThrow(`${path}: `);
    expect(issue).toThrow(words);
  });

  it.each([undefined, null, 'alice', [], 7])('that is %p is refused', (request) => {
    expect(() => serviceWith().issueJoinToken(request as never)).toThrow(RtcValidationError);
    expect(() => serviceWith().issueLoginToken(request as never)).toThrow(RtcValidationError);
  });

  it('allow what was checked, whatever a list says a second time', () => {
    const request = { userId: 'alice', roomId: 'room-1', expiresInSeconds: 60 };
    const issue = (privileges: unknown[]): string =>
      serviceWith().issueJoinToken({ ...request, privileges } as JoinTokenRequest);
    expect(readToken(issue(changing('subscribe', 'publish'))).privileges.map(([number]) => number)).toEqual([
      4,
    ]);
    expect(readToken(issue(changing('subscribe', 'toString'))).privileges.map(([number]) => number)).toEqual([
      4,
    ]);
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    for (const privileges of [changing('toString', 'publish'), proxy, Array(2e7)]) {
      expect(() => issue(privileges)).toThrow(RtcValidationError);
    }
  });

  it.each([{ roomId: 'room-1' }, { anyRoom: true }, { privileges: ['publish'] }])(
    'to log in with %p is refused',
    (extra) => {
      const request = { userId: 'alice', expiresInSeconds: 60, ...extra } as LoginTokenRequest;
      expect(() => serviceWith().issueLoginToken(request)).toThrow(
        'is not a known property; there are userId, expiresInSeconds',
      );
    },
  );

  it('takes nothing from a changed Object.prototype', () => {
    const polluted = Object.prototype as { anyRoom?: boolean };
    polluted.anyRoom = true;
    try {
      expect(() =>
        serviceWith().issueJoinToken({ userId: 'alice', expiresInSeconds: 60 } as JoinTokenRequest),
      ).toThrow('roomId: is needed');
    } finally {
      delete polluted.anyRoom;
    }
  });
});

describe('the app key', () => {
  const REQUEST = { userId: 'alice', roomId: 'room-1', expiresInSeconds: 60 };

  it('is missed by name, only when a token is asked for', () => {
    const issue = (): string => serviceWith({}).issueJoinToken(REQUEST);
    expect(issue).toThrow(RtcConfigError);
    expect(issue).toThrow('appKey (RTC_APP_KEY): is missing');
  });

  it('comes from the environment, where an option wins', () => {
    readToken(
      serviceWith({}, { appKey: 'from-environment' }).issueJoinToken(REQUEST),
      APP_ID,
      'from-environment',
    );
    readToken(serviceWith({ appKey: APP_KEY }, { appKey: 'other' }).issueJoinToken(REQUEST));
  });

  it.each(['', ' ', 'a b', 'ключ', 7, 'x'.repeat(129), 'key\n'])(
    'must not be %p, and is not quoted',
    (appKey) => {
      const resolve = (): unknown => serviceWith({ appKey });
      expect(resolve).toThrow('appKey (RTC_APP_KEY): must be');
      if (typeof appKey === 'string' && appKey.trim().length > 1) expect(resolve).not.toThrow(appKey);
    },
  );

  it('is printed by nothing, however the app is printed', async () => {
    const module = await Test.createTestingModule({
      imports: [RtcMessagingModule.forRoot({ appId: APP_ID, appKey: APP_KEY, credentials: KEYS })],
    }).compile();
    const service = module.get(RtcTokenService);
    service.issueJoinToken(REQUEST);
    expect(await leaksIn(service)).toEqual([]);
    expect(await leaksIn(module.get('nestjs-rtc-messaging:settings'))).toEqual([]);
    await module.close();
  });
});
