import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import { validate } from 'class-validator';
import {
  BatchSendRoomUnicastDto,
  type BatchSendRoomUnicastRequest,
  type RoomUnicastService,
  RtcValidationError,
  WithFrom,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';

class AnnouncementDto extends WithFrom(BatchSendRoomUnicastDto) {}

const LEGAL: BatchSendRoomUnicastRequest = { roomId: 'room-1', to: ['alice'], message: 'hello' };
const users = (count: number): string[] => Array.from({ length: count }, (_, index) => `user-${index}`);
const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(1);
const base64 = (length: number): string => Buffer.alloc(length).toString('base64');

/** Each: what it is, what is changed. All of them are sent and accepted by the emulator. */
const GOOD: readonly [string, object][] = [
  ['a room ID of 1 character', { roomId: 'r' }],
  ['a room ID of 128 characters', { roomId: 'r'.repeat(128) }],
  ['every legal character', { roomId: 'azAZ09@._-', to: ['azAZ09@._-'], from: 'azAZ09@._-' }],
  ['1 user', { to: users(1) }],
  ['600 users', { to: users(600) }],
  ['a user ID of 128 characters', { to: ['u'.repeat(128)] }],
  ['1 byte of text', { message: 'x' }],
  ['20,480 bytes of ASCII', { message: 'x'.repeat(20_480) }],
  ['20,480 bytes of UTF-8 in 6,826 characters and two', { message: `${'世'.repeat(6_826)}xx` }],
  ['a whole surrogate pair', { message: '😀' }],
  ['1 byte of binary', { message: bytes(1) }],
  ['20,480 bytes of binary', { message: bytes(20_480) }],
  ['a Buffer', { message: Buffer.from('hello') }],
  ['20,480 bytes as base64', { message: base64(20_480), binary: true }],
  ['base64 with one =', { message: 'YWE=', binary: true }],
  ['base64 with two =', { message: 'YQ==', binary: true }],
  ['binary: true with bytes', { message: bytes(3), binary: true }],
  ['binary: false with text', { message: 'YQ==', binary: false }],
  ['a sender of 128 characters', { from: 'f'.repeat(128) }],
  ['undefined for what may be left out', { from: undefined, binary: undefined }],
];

/** Each: what it is, what is changed, the path that the issue names, and words of its message. */
const BAD: readonly [string, object, string, string][] = [
  ['no room ID', { roomId: undefined }, 'roomId', 'is missing'],
  ['an empty room ID', { roomId: '' }, 'roomId', 'is empty'],
  ['a room ID of 129 characters', { roomId: 'r'.repeat(129) }, 'roomId', 'is 129 characters long'],
  ['a number as room ID', { roomId: 7 }, 'roomId', 'is a number'],
  ['a space in the room ID', { roomId: 'a b' }, 'roomId', '"a b" contains a space'],
  ['a slash in the room ID', { roomId: 'a/b' }, 'roomId', 'contains / (U+002F)'],
  ['a letter outside ASCII', { roomId: 'salé' }, 'roomId', 'contains é (U+00E9)'],
  ['a line break in the room ID', { roomId: 'a\nb' }, 'roomId', '"a\\nb" contains U+000A'],
  ['a line break at the end', { roomId: 'room\n' }, 'roomId', 'contains U+000A'],
  ['no users', { to: undefined }, 'to', 'is missing'],
  ['an empty list', { to: [] }, 'to', 'must have 1–600 entries, got 0'],
  ['601 users', { to: users(601) }, 'to', 'must have 1–600 entries, got 601'],
  ['a string for users', { to: 'alice' }, 'to', 'must be a list of user IDs, got a string'],
  ['a Set of users', { to: new Set(['alice']) }, 'to', 'must be a list of user IDs, got an object'],
  ['an illegal user among legal ones', { to: ['a', 'b', 'c', 'd e'] }, 'to[3]', '"d e" contains a space'],
  ['an empty user ID', { to: ['a', ''] }, 'to[1]', 'is empty'],
  ['a user ID of 129 characters', { to: ['u'.repeat(129)] }, 'to[0]', 'is 129 characters long'],
  ['null among the users', { to: ['a', null] }, 'to[1]', 'is null'],
  // oxlint-disable-next-line no-sparse-arrays
  ['a hole among the users', { to: ['a', , 'c'] }, 'to[1]', 'is missing'],
  ['no message', { message: undefined }, 'message', 'is missing'],
  ['an empty text', { message: '' }, 'message', 'is empty'],
  ['20,481 bytes of ASCII', { message: 'x'.repeat(20_481) }, 'message', 'is 20481 bytes of UTF-8'],
  ['20,481 bytes of UTF-8', { message: '世'.repeat(6_827) }, 'message', 'is 20481 bytes of UTF-8'],
  ['half a surrogate pair', { message: 'a\ud83d' }, 'message', 'half of a surrogate pair'],
  ['an object as message', { message: { secret: 1 } }, 'message', 'is an object'],
  ['no bytes', { message: bytes(0) }, 'message', 'is empty'],
  ['20,481 bytes of binary', { message: bytes(20_481) }, 'message', 'is 20481 bytes;'],
  [
    '20,481 bytes as base64',
    { message: base64(20_481), binary: true },
    'message',
    'is 20481 bytes when decoded',
  ],
  [
    'bytes that are not binary',
    { message: bytes(1), binary: false },
    'message',
    'is bytes, but binary is false',
  ],
  ['base64 without padding', { message: 'YWE', binary: true }, 'message', 'not well-formed base64'],
  ['base64 with a URL alphabet', { message: 'a-_a', binary: true }, 'message', 'not well-formed base64'],
  ['base64 with a line break', { message: 'YWFh\nYWF', binary: true }, 'message', 'not well-formed base64'],
  ['base64 with three =', { message: 'Y===', binary: true }, 'message', 'not well-formed base64'],
  ['base64 with = inside', { message: 'Y=Fh', binary: true }, 'message', 'not well-formed base64'],
  ['an empty sender', { from: '' }, 'from', 'is empty'],
  ['null as sender', { from: null }, 'from', 'is null'],
  ['an illegal sender', { from: 'a:b' }, 'from', 'contains : (U+003A)'],
  ['a sender of 129 characters', { from: 'f'.repeat(129) }, 'from', 'is 129 characters long'],
  ['a word for binary', { binary: 'yes' }, 'binary', 'must be true or false'],
  ['null for binary', { binary: null }, 'binary', 'must be true or false'],
  ['a character that turns text around', { from: 'a\u202eb' }, 'from', '"a\\u202eb" contains U+202E'],
  ['a control character of Latin-1', { from: 'a\u0085b' }, 'from', '"a\\u0085b" contains U+0085'],
  ['an unknown property', { colour: 'red' }, 'colour', 'is not a known property'],
  ['a property named like a method', { constructor: 1 }, 'constructor', 'is not a known property'],
  ['an own __proto__', JSON.parse('{"__proto__":{"from":"evil"}}'), '__proto__', 'is not a known property'],
];

describe('the rules of a request', () => {
  let emulator: RtcEmulator;
  let module: TestingModule;
  let service: RoomUnicastService;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    ({ module, service } = await createService(emulator.moduleOptions()));
  });
  beforeEach(() => emulator.clear());
  afterAll(async () => {
    await module.close();
    await emulator.close();
  });

  const changed = (changes: object): BatchSendRoomUnicastRequest =>
    Object.defineProperties({ ...LEGAL }, Object.getOwnPropertyDescriptors(changes));

  it.each(GOOD)('accept %s', async (_what, changes) => {
    const receipt = await service.batchSend(changed(changes));
    expect(receipt.outcome).toBe('accepted');
    expect(emulator.requests).toMatchObject([{ outcome: 'accepted' }]);
  });

  it.each(BAD)('refuse %s and name the field', async (_what, changes, path, words) => {
    const error = await rejectionOf<RtcValidationError>(service.batchSend(changed(changes)));
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error).toMatchObject({ code: 'RTC_VALIDATION', outcome: 'not_attempted', attempts: [] });
    expect(error.issues).toEqual([{ path, message: expect.stringContaining(words) }]);
    expect(error.message).toBe(`${path}: ${error.issues[0]!.message}`);
    expect(emulator.requests).toEqual([]);
  });

  it.each(BAD.filter(([, , path]) => !['colour', 'constructor', '__proto__'].includes(path)))(
    'refuse %s in the DTO too, for controllers of an app',
    async (_what, changes, path, words) => {
      const errors = await validate(Object.assign(new AnnouncementDto(), changed(changes)));
      const messages = errors.flatMap(({ constraints = {} }) => Object.values(constraints));
      expect(messages).toEqual([expect.stringContaining(`${path}: `)]);
      expect(messages[0]).toContain(words);
    },
  );

  it.each([undefined, null, 'text', 7, [], () => undefined])(
    'refuse %p in place of a request',
    async (request) => {
      const error = await rejectionOf<RtcValidationError>(service.batchSend(request as never));
      expect(error.issues).toEqual([
        { path: 'request', message: expect.stringContaining('must be an object, got ') },
      ]);
    },
  );

  it('list the first 20 of many unknown properties', async () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`extra${index}`, 1]));
    const error = await rejectionOf<RtcValidationError>(service.batchSend({ ...LEGAL, ...many }));
    expect(error.issues.map(({ path }) => path)).toEqual(Object.keys(many).slice(0, 20));
  });

  it('name no more than the beginning of an unknown property', async () => {
    const error = await rejectionOf<RtcValidationError>(
      service.batchSend({ ...LEGAL, ['p'.repeat(1_000)]: 1 }),
    );
    expect(error.issues.map(({ path }) => path)).toEqual([`${'p'.repeat(40)}…`]);
  });

  it('report all problems at once', async () => {
    const error = await rejectionOf<RtcValidationError>(
      service.batchSend({ roomId: '', to: ['a b', 'ok', 'c d'], message: '', from: '?' }),
    );
    expect(error.issues.map(({ path }) => path)).toEqual(['roomId', 'to[0]', 'to[2]', 'message', 'from']);
  });

  it('list the first 20 of many illegal users', async () => {
    const error = await rejectionOf<RtcValidationError>(
      service.batchSend({ ...LEGAL, to: Array.from({ length: 600 }, () => '') }),
    );
    expect(error.issues.map(({ path }) => path)).toEqual(
      Array.from({ length: 20 }, (_, index) => `to[${index}]`),
    );
  });

  it('never quote the message, nor more than the beginning of an ID', async () => {
    const error = await rejectionOf<RtcValidationError>(
      service.batchSend({ ...LEGAL, to: [`${'!'.repeat(40)}tail`], message: 'top secret \ud800' }),
    );
    expect(error.message).not.toContain('top secret');
    expect(error.message).not.toContain('tail');
  });

  it('ask for a sender when neither the request nor the module names one', async () => {
    const { from: _from, ...options } = emulator.moduleOptions();
    const anonymous = await createService(options);
    const error = await rejectionOf<RtcValidationError>(anonymous.service.batchSend(LEGAL));
    await anonymous.service.batchSend({ ...LEGAL, from: 'bot' });
    await anonymous.module.close();
    expect(error.issues).toEqual([{ path: 'from', message: expect.stringContaining('RTC_FROM') }]);
    expect(emulator.requests).toHaveLength(1);
  });

  it.each([
    [{ timeoutMs: 0 }, 'options.timeoutMs'],
    [{ timeoutMs: 1.5 }, 'options.timeoutMs'],
    [{ timeoutMs: 2 ** 31 }, 'options.timeoutMs'],
    [{ signal: {} }, 'options.signal'],
    [{ signal: { aborted: false, addEventListener() {} } }, 'options.signal'],
    [{ retries: 3 }, 'options.retries'],
    [null, 'options'],
  ])('hold for the options %j', async (options, path) => {
    const error = await rejectionOf<RtcValidationError>(service.batchSend(LEGAL, options as never));
    expect(error.issues.map((issue) => issue.path)).toEqual([path]);
  });

  it('send the bytes of a view alone, not the memory around it', async () => {
    const memory = Buffer.from('secret-hello-secret');
    const alice = emulator.room('room-1').join('alice');
    const sending = service.batchSend({
      ...LEGAL,
      message: new Uint8Array(memory.buffer, memory.byteOffset + 7, 5),
    });
    memory.fill(0); // What a caller does with its bytes afterwards does not change the message.
    await sending;
    expect(Buffer.from(alice.received[0]!.message).toString()).toBe('hello');
  });
});
