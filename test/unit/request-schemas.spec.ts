import { describe, expect, it } from '@jest/globals';
import { checkRequest } from '../../lib/dto/check-request.js';
import { REQUEST_FIELDS } from '../../lib/dto/request-fields.js';
import { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import { isRtcActionName, RTC_ACTIONS, type RtcActionName } from '../../lib/openapi/rtc-action.js';
import { REQUEST_DTOS } from '../support/request-dtos.js';

type DtoClass = (new () => object) & { _OPENAPI_METADATA_FACTORY(): object };
const FIELDS: readonly (readonly [RtcActionName, readonly string[]])[] = [
  ['BatchSendRoomUnicast', ['roomId', 'to', 'message', 'binary', 'from']],
  ['SendRoomUnicast', ['roomId', 'to', 'message', 'binary', 'from']],
  ['SendBroadcast', ['roomId', 'message', 'binary', 'from']],
  ['SendUnicast', ['to', 'message', 'binary', 'from']],
];

describe.each(FIELDS)('the schema of %s', (action, names) => {
  const dtoClass = REQUEST_DTOS[action] as unknown as DtoClass;
  const documented = dtoClass._OPENAPI_METADATA_FACTORY() as Record<string, Record<string, unknown>>;
  /** Made of nothing but what is documented. */
  const example = (): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(documented).map(([name, { example: value }]) => [name, value ?? false]),
    );
  const wrongOf = (request: object): string[] => {
    try {
      checkRequest(action, request);
      return [];
    } catch (error) {
      if (!(error instanceof RtcValidationError)) throw error;
      return [...new Set(error.issues.map(({ path }) => path.replace(/\[.*/, '')))].sort();
    }
  };

  it('has the fields in their order, each with a description', () => {
    expect(Object.keys(documented)).toEqual(names);
    for (const [name, { schema, required = false }] of Object.entries(REQUEST_FIELDS[action])) {
      expect(documented[name]).toEqual({ ...schema, required });
      expect(schema.description).toMatch(/^\w.{10,}/);
    }
  });

  it('has examples that are accepted, and requires what is required', () => {
    expect(wrongOf(example())).toEqual([]);
    const required = names.filter((name) => documented[name]?.['required'] === true);
    expect(wrongOf({})).toEqual([...required].sort());
    expect(required).toEqual(names.filter((name) => !['binary', 'from'].includes(name)));
  });

  it('has the limits that the rules have', () => {
    const { maxMessageBytes, to } = RTC_ACTIONS[action];
    const base64 = 'A'.repeat(Number(documented['message']?.['maxLength']));
    expect(Buffer.from(base64, 'base64').length).toBeGreaterThanOrEqual(maxMessageBytes);
    expect(wrongOf({ ...example(), binary: true, message: `${base64}AAAA` })).toEqual(['message']);
    expect(documented['message']).toMatchObject({ type: 'string', minLength: 1 });
    expect(documented['message']?.['description']).toContain(`at most ${maxMessageBytes} bytes`);
    expect(documented['binary']).toMatchObject({ type: 'boolean', required: false });
    expect(documented['binary']?.['description']).toContain('Default: false');

    const from = documented['from'] ?? {};
    expect(from).toMatchObject({ type: 'string', minLength: 1, maxLength: 128 });
    expect('a@B._-9').toMatch(new RegExp(String(from['pattern'])));
    expect(from['description']).toContain('1–128 of a-z A-Z 0-9 @ . _ -');
    for (const illegal of ['', 'a'.repeat(Number(from['maxLength']) + 1), 'a b']) {
      expect(wrongOf({ ...example(), from: illegal })).toEqual(['from']);
      expect(illegal).not.toMatch(new RegExp(String(from['pattern'])));
    }
    if (to !== 'list') return;
    const { items: user, ...users } = documented['to'] ?? {};
    expect(users).toMatchObject({ type: 'array', minItems: 1, maxItems: 600 });
    expect(user).toEqual({
      ...from,
      required: undefined,
      description: expect.stringContaining('A user'),
      example: 'alice',
    });
  });
});

it('an action is recognized by its own name only', () => {
  for (const name of Object.keys(RTC_ACTIONS)) expect(isRtcActionName(name)).toBe(true);
  for (const name of ['SendEverything', '', 'toString', 'constructor', undefined, 7, ['SendUnicast']]) {
    expect(isRtcActionName(name)).toBe(false);
  }
});
