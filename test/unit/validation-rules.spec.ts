import { describe, expect, it } from '@jest/globals';
import { validateSync } from 'class-validator';
import { BatchSendRoomUnicastDto, SendRoomUnicastDto } from '../../lib/dto/requests.dto.js';
import { base64ByteLength, idProblem, isId, messageProblem } from '../../lib/dto/field-rules.js';
import { checkRequest } from '../../lib/dto/check-request.js';
import type { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';

const ID_RULE = 'IDs are 1–128 of a-z A-Z 0-9 @ . _ -';
const FIELDS = 'there are roomId, to, message, binary, from';
const LEGAL = { roomId: 'room-1', to: ['alice'], message: 'hello' };

/** Undefined when nothing is thrown. */
function issuesOf(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return (error as RtcValidationError).issues;
  }
  return undefined;
}

describe('the rule of an ID', () => {
  it.each(['a', 'azAZ09@._-', 'x'.repeat(128)])('lets %j pass', (id) => {
    expect([isId(id), idProblem(id)]).toEqual([true, undefined]);
  });

  it.each<[unknown, string]>([
    [undefined, 'is missing'],
    [null, 'is null'],
    [7, 'is a number'],
    [{}, 'is an object'],
    [['a'], 'is an array'],
    ['', 'is empty'],
    ['x'.repeat(129), 'is 129 characters long'],
    ['a b', '"a b" contains a space'],
    ['a/b', '"a/b" contains / (U+002F)'],
    ['a\n', String.raw`"a\n" contains U+000A`],
    ['a\u00a0', '"a\u00a0" contains U+00A0'],
    ['世', '"世" contains 世 (U+4E16)'],
    ['a😀', '"a😀" contains 😀 (U+1F600)'],
    ['½', '"½" contains ½ (U+00BD)'],
    ['a\ud83d', String.raw`"a\ud83d" contains U+D83D`],
    ['\u202eb', String.raw`"\u202eb" contains U+202E`],
    ['\u0085', String.raw`"\u0085" contains U+0085`],
    ['\u2066', String.raw`"\u2066" contains U+2066`],
    ['/'.repeat(40), `"${'/'.repeat(40)}" contains / (U+002F)`],
    ['/'.repeat(41), `"${'/'.repeat(40)}…" contains / (U+002F)`],
  ])('says what is wrong with %j', (value, problem) => {
    expect(isId(value)).toBe(false);
    expect(idProblem(value)).toBe(`${problem}; ${ID_RULE}`);
  });
});

describe('the rule of recipients', () => {
  const issuesOfList = (to: unknown) =>
    issuesOf(() => checkRequest('BatchSendRoomUnicast', { ...LEGAL, to }));

  it.each<[unknown, string]>([
    ['alice', 'must be a list of user IDs, got a string'],
    [{ length: 1 }, 'must be a list of user IDs, got an object'],
    [[], 'must have 1–600 entries, got 0'],
    [Array<string>(601).fill('a'), 'must have 1–600 entries, got 601'],
  ])('says what is wrong with the whole: %j', (value, message) => {
    expect(issuesOfList(value)).toEqual([{ path: 'to', message }]);
  });

  it('names the first twenty illegal IDs', () => {
    const wrong = (many: number): unknown[] => ['a', ...Array<string>(many).fill('')];
    const message = `is empty; ${ID_RULE}`;
    const twenty = Array.from({ length: 20 }, (_none, index) => ({ path: `to[${index + 1}]`, message }));
    expect(issuesOfList(wrong(20))).toEqual(twenty);
    expect(issuesOfList(wrong(21))).toEqual(twenty);
    expect(issuesOfList(Array<string>(600).fill('a'))).toBeUndefined();
    expect(issuesOfList(['a', , 'b'])).toEqual([{ path: 'to[1]', message: `is missing; ${ID_RULE}` }]); // oxlint-disable-line no-sparse-arrays
  });
});

describe('the rule of a message', () => {
  it.each<[unknown, unknown, string | undefined]>([
    ['hello', undefined, undefined],
    ['x'.repeat(1_024), undefined, undefined],
    ['x'.repeat(1_025), undefined, 'is 1025 bytes of UTF-8; a message takes at most 1024 (1 KB)'],
    ['世'.repeat(342), false, 'is 1026 bytes of UTF-8; a message takes at most 1024 (1 KB)'],
    ['', undefined, 'is empty'],
    ['a\ud83d', undefined, 'holds half of a surrogate pair, which has no UTF-8 form'],
    [undefined, undefined, 'is missing; expected a string or a Uint8Array'],
    [7, true, 'is a number; expected a string or a Uint8Array'],
    [new Uint8Array(1_024), undefined, undefined],
    [new Uint8Array(1_024), true, undefined],
    [new Uint8Array(1_025), true, 'is 1025 bytes; a message takes at most 1024 (1 KB)'],
    [new Uint8Array(0), undefined, 'is empty'],
    [new Uint8Array(1), false, 'is bytes, but binary is false'],
    ['YQ==', true, undefined],
    ['YQ=', true, 'is not well-formed base64 (A-Z a-z 0-9 + /, padded with = to a multiple of 4)'],
    ['', true, 'is empty'],
    [
      Buffer.alloc(1_025).toString('base64'),
      true,
      'is 1025 bytes when decoded; a message takes at most 1024 (1 KB)',
    ],
    [Buffer.alloc(1_024).toString('base64'), true, undefined],
  ])('says of %j (binary: %j): %j', (value, binary, problem) => {
    expect(messageProblem(value, binary, 1_024)).toBe(problem);
  });

  it.each<[string, number | undefined]>([
    ['', 0],
    ['YQ==', 1],
    ['YWE=', 2],
    ['YWFh', 3],
    ['YWFhYQ==', 4],
    ['+/+/', 3],
    ['Y', undefined],
    ['YWFh\n', undefined],
    ['YWFh\nYWF', undefined],
    ['Y===', undefined],
    ['Y=Fh', undefined],
    ['=YWF', undefined],
    ['a-_a', undefined],
    ['é===', undefined],
  ])('counts the bytes of %j: %j', (text, bytes) => {
    expect(base64ByteLength(text)).toBe(bytes);
  });
});

describe('a request', () => {
  it.each([undefined, null, 'text', 7, [LEGAL], () => undefined])('that is %p is refused', (request) => {
    expect(issuesOf(() => checkRequest('BatchSendRoomUnicast', request))).toEqual([
      { path: 'request', message: expect.stringContaining('must be an object, got ') },
    ]);
  });

  it('has every problem reported', () => {
    const request = { roomId: '', to: ['a b', 'ok', ''], message: '', binary: 1, colour: 'red' };
    expect(issuesOf(() => checkRequest('BatchSendRoomUnicast', request))).toEqual([
      { path: 'colour', message: `is not a known property; ${FIELDS}` },
      { path: 'roomId', message: `is empty; ${ID_RULE}` },
      { path: 'to[0]', message: `"a b" contains a space; ${ID_RULE}` },
      { path: 'to[2]', message: `is empty; ${ID_RULE}` },
      { path: 'message', message: 'is empty' },
      { path: 'binary', message: 'must be true or false' },
    ]);
  });

  it('has the first twenty unknown properties named, in a form that can be shown', () => {
    const request = (many: number) => ({
      ...LEGAL,
      ...Object.fromEntries(Array.from({ length: many }, (_none, index) => [`p${index}`, 1])),
    });
    const named = (many: number): unknown[] =>
      issuesOf(() => checkRequest('BatchSendRoomUnicast', request(many))) as unknown[];
    expect(named(20)).toHaveLength(20);
    expect(named(21)).toHaveLength(20);
    const odd = { ...LEGAL, ['a\nb\u202e~ ']: 1, ['x'.repeat(40)]: 1, ['y'.repeat(41)]: 1 };
    expect(issuesOf(() => checkRequest('BatchSendRoomUnicast', odd))).toEqual(
      ['a?b?~ ', 'x'.repeat(40), `${'y'.repeat(40)}…`].map((path) => ({
        path,
        message: `is not a known property; ${FIELDS}`,
      })),
    );
  });

  it('in an app of its own has its problems named too', () => {
    const messages = (dto: object): string[] =>
      validateSync(dto).flatMap(({ constraints = {} }) => Object.values(constraints));
    const batch = Object.assign(new BatchSendRoomUnicastDto(), {
      roomId: 'a b',
      to: ['a', '', '?'],
      message: '',
    });
    expect(messages(batch).sort()).toEqual([
      'message: is empty',
      `roomId: "a b" contains a space; ${ID_RULE}`,
      `to[1]: is empty; ${ID_RULE}; to[2]: "?" contains ? (U+003F); ${ID_RULE}`,
    ]);
    const constraints = validateSync(batch).flatMap((error) => Object.keys(error.constraints ?? {}));
    expect(constraints.sort()).toEqual(['isRtcField', 'isRtcField', 'isRtcField']);
    const long = { roomId: 'r', to: 'u', message: 'x'.repeat(65_537), from: null };
    expect(messages(Object.assign(new SendRoomUnicastDto(), long)).sort()).toEqual([
      'from: may not be chosen by the caller',
      'message: is 65537 bytes of UTF-8; a message takes at most 65536 (64 KB)',
    ]);
  });
});
