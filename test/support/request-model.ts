import fc from 'fast-check';
import type { RtcActionName } from 'nestjs-rtc-messaging';
import { anyCharacter } from './properties.js';

/**
 * The rules of requests, written a second time from the vendor's pages, in another way than the library's, and
 * requests that keep them or nearly do.
 */

const KB = 1_024;
const ID_CHARACTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@._-';
const BASE64_CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** What is to be said of a request of one action. */
export interface RequestModel {
  readonly action: RtcActionName;
  readonly fields: readonly string[];
  readonly to: 'list' | 'one' | 'none';
  readonly maxBytes: number;
}

export const MODELS: readonly RequestModel[] = [
  { action: 'BatchSendRoomUnicast', fields: ['roomId', 'to'], to: 'list', maxBytes: 20 * KB },
  { action: 'SendRoomUnicast', fields: ['roomId', 'to'], to: 'one', maxBytes: 64 * KB },
  { action: 'SendBroadcast', fields: ['roomId'], to: 'none', maxBytes: 64 * KB },
  { action: 'SendUnicast', fields: ['to'], to: 'one', maxBytes: 64 * KB },
];

/** A request's own fields, whatever they are. */
export type AnyRequest = Record<string, unknown>;

/** The paths of everything that is wrong with a request, sorted; of a list, each wrong user. */
export function wrongPaths({ fields, to, maxBytes }: RequestModel, request: AnyRequest): string[] {
  const wrong: string[] = [];
  const { from, binary, message } = request;
  if (fields.includes('roomId') && !isLegalId(request['roomId'])) wrong.push('roomId');
  if (to === 'one' && !isLegalId(request['to'])) wrong.push('to');
  if (to === 'list') wrong.push(...wrongUsers(request['to']));
  if (from !== undefined && !isLegalId(from)) wrong.push('from');
  if (binary !== undefined && binary !== true && binary !== false) wrong.push('binary');
  const bytes = byteCount(message, binary);
  if (bytes === undefined || bytes < 1 || bytes > maxBytes) wrong.push('message');
  const known = new Set([...fields, 'from', 'binary', 'message']);
  return [...wrong, ...Object.keys(request).filter((name) => !known.has(name))].sort();
}

function isLegalId(value: unknown): boolean {
  if (typeof value !== 'string' || value.length < 1 || value.length > 128) return false;
  return value.split('').every((character) => ID_CHARACTERS.includes(character));
}

function wrongUsers(users: unknown): string[] {
  if (!Array.isArray(users) || users.length < 1 || users.length > 600) return ['to'];
  return Array.from(users, (user, index) => (isLegalId(user) ? [] : [`to[${index}]`])).flat();
}

/** Undefined where there is no message. */
function byteCount(message: unknown, binary: unknown): number | undefined {
  if (message instanceof Uint8Array) return binary === false ? undefined : message.length;
  if (typeof message !== 'string') return undefined;
  if (binary === true) return base64Bytes(message);
  try {
    // Each %XX is a byte; half of a surrogate pair can't be escaped.
    return encodeURIComponent(message).replaceAll(/%../g, '.').length;
  } catch {
    return undefined;
  }
}

function base64Bytes(text: string): number | undefined {
  let digits = text.length;
  while (digits > 0 && text[digits - 1] === '=') digits -= 1;
  const padding = text.length - digits;
  if (text.length % 4 !== 0 || padding > 2) return undefined;
  if (!Array.from(text.slice(0, digits)).every((character) => BASE64_CHARACTERS.includes(character)))
    return undefined;
  // Each four characters stand for three bytes, and each = for one less.
  return (text.length / 4) * 3 - padding;
}

const legalId = fc.oneof(
  fc.string({ unit: fc.constantFrom(...ID_CHARACTERS), minLength: 1, maxLength: 12 }),
  fc.constantFrom('a'.repeat(128), '-', '@._-'),
);
const wrongId = fc.oneof(
  fc.string({ unit: anyCharacter, maxLength: 12 }),
  fc
    .tuple(legalId, fc.constantFrom(' ', '/', ':', '\n', '\0', 'é', '世', '😀', '"', '%'))
    .map(([id, more]) => id + more),
  fc.constantFrom('', 'a'.repeat(129)),
  fc.constantFrom<unknown>(null, 7, true, {}, []),
);
const mostly = <T, U>(legal: fc.Arbitrary<T>, wrong: fc.Arbitrary<U>): fc.Arbitrary<T | U> =>
  fc.oneof({ weight: 14, arbitrary: legal }, { weight: 1, arbitrary: wrong });

const id = mostly(legalId, wrongId);
const list = mostly(
  fc.oneof(
    { weight: 8, arbitrary: fc.array(legalId, { minLength: 1, maxLength: 30 }) },
    { weight: 2, arbitrary: fc.array(id, { minLength: 1, maxLength: 30 }) },
    { weight: 1, arbitrary: fc.constantFrom(599, 600).map((length) => Array<string>(length).fill('user')) },
  ),
  fc.oneof(fc.constantFrom<unknown>('user', null, {}, [], 7), fc.constant(Array<string>(601).fill('user'))),
);

/** As many bytes of text as there may be, a few less or a few more, of one to four bytes a character. */
function longText(maxBytes: number): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom('x', 'é', '世', '😀'), fc.integer({ min: -4, max: 4 }))
    .map(([character, more]) => {
      const size = Buffer.byteLength(character);
      const whole = Math.floor((maxBytes + more) / size);
      return character.repeat(whole) + 'x'.repeat(maxBytes + more - whole * size);
    });
}
const base64 = fc.oneof(
  fc.base64String({ maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...BASE64_CHARACTERS, '='), maxLength: 12 }),
  fc.constantFrom('YQ==', 'YWE=', 'YQ=', '=', '====', 'a-_a', 'YWFh\nYWF', 'Y=Fh'),
);
const longBase64 = (maxBytes: number): fc.Arbitrary<string> =>
  fc.integer({ min: -3, max: 3 }).map((more) => Buffer.alloc(maxBytes + more).toString('base64'));

/** A message and what `binary` says of it. */
function content({ maxBytes }: RequestModel): fc.Arbitrary<AnyRequest> {
  const text = fc.record({
    message: fc.oneof(
      { weight: 9, arbitrary: fc.string({ unit: anyCharacter, maxLength: 60 }) },
      { weight: 1, arbitrary: longText(maxBytes) },
      { weight: 1, arbitrary: fc.constantFrom(' ', '\t\n', '\u3000') },
    ),
    binary: fc.constantFrom(undefined, false),
  });
  const encoded = fc.record({
    message: fc.oneof({ weight: 9, arbitrary: base64 }, { weight: 1, arbitrary: longBase64(maxBytes) }),
    binary: fc.constant(true),
  });
  const either = fc.record({ message: fc.string({ unit: anyCharacter }), binary: fc.boolean() });
  return fc.oneof(
    { weight: 4, arbitrary: text },
    { weight: 4, arbitrary: encoded },
    { weight: 1, arbitrary: either },
  );
}

function addressed(model: RequestModel): fc.Arbitrary<AnyRequest> {
  const fields: Record<string, fc.Arbitrary<unknown>> = { from: mostly(legalId, wrongId) };
  if (model.fields.includes('roomId')) fields['roomId'] = id;
  if (model.to !== 'none') fields['to'] = model.to === 'list' ? list : id;
  return fc.record(fields, {
    noNullPrototype: true,
    requiredKeys: model.fields.filter((name) => name in fields),
  });
}

/** Requests that can be written down in JSON, and mean the same there. */
export function wireRequests(model: RequestModel): fc.Arbitrary<AnyRequest> {
  return fc.tuple(addressed(model), content(model)).map(([fields, message]) => ({ ...fields, ...message }));
}

/** Requests of every kind that a program can make: with bytes, missing and unknown fields, values of any type. */
export function anyRequests(model: RequestModel): fc.Arbitrary<AnyRequest> {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.integer({ min: -2, max: 2 }).map((more) => new Uint8Array(model.maxBytes + more)),
  );
  const binary = fc.oneof(fc.constantFrom<unknown>(undefined, true, false, null, 'yes', 1));
  const half = fc
    .tuple(fc.string(), fc.constantFrom('\ud83d', '\ude00'))
    .map(([text, surrogate]) => text + surrogate);
  const oddContent = fc.record({ message: fc.oneof(bytes, half, fc.anything()), binary });
  const unknown = fc.dictionary(
    fc.constantFrom('colour', 'To', 'constructor', 'toString', 'messages'),
    fc.anything(),
    {
      maxKeys: 2,
      noNullPrototype: true,
    },
  );
  return fc
    .tuple(
      addressed(model),
      fc.oneof({ weight: 2, arbitrary: content(model) }, { weight: 1, arbitrary: oddContent }),
      fc.oneof({ weight: 4, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: unknown }),
      mostly(fc.constant(undefined), fc.constantFrom('roomId', 'to', 'message')),
    )
    .map(([fields, message, others, dropped]) => {
      const request: AnyRequest = { ...fields, ...message, ...others };
      if (dropped !== undefined) delete request[dropped];
      return request;
    });
}
