import { isUint8Array } from 'node:util/types';
import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import type { Option } from '../options/option-table.js';
import { flag, list, type Rule, wrong } from '../options/rules.js';
import { id, ID, MAX_ID_LENGTH, MAX_RECIPIENTS, messageProblem } from './field-rules.js';

/** A JSON schema as OpenAPI has it, as far as requests need it. */
export interface FieldSchema {
  readonly type: 'string' | 'boolean' | 'array';
  readonly description: string;
  readonly example?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly items?: FieldSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** A field of a request. Services and DTOs keep to its rule, and OpenAPI documents it. */
export interface RequestField<T = unknown> extends Option<T> {
  readonly schema: FieldSchema;
}

const USERS: RequestField<readonly string[]> = {
  rule: list('user IDs', id, MAX_RECIPIENTS),
  required: true,
  schema: {
    type: 'array',
    description: 'The users. Duplicate users are removed.',
    items: idSchema('A user', 'alice'),
    minItems: 1,
    maxItems: MAX_RECIPIENTS,
    example: ['alice', 'bob'],
  },
};

const BINARY: RequestField<boolean> = {
  rule: flag,
  schema: {
    type: 'boolean',
    // Not as `default`, by which generators of clients take a field to be always there.
    description: 'Whether `message` is base64 and to be sent as bytes. Default: false',
  },
};

/** Only for callers who may choose the sender. */
export const SENDER: RequestField<string> = {
  rule: id,
  schema: idSchema("The sender that clients see; default: the module's", 'server'),
};

/** The fields of a request by name. */
export type RequestFields = Readonly<Record<string, RequestField>>;

/** The fields of each action's request. */
export const REQUEST_FIELDS = Object.fromEntries(
  Object.entries(RTC_ACTIONS).map(([action, rules]) => [action, fieldsOf(rules)]),
) as Readonly<Record<RtcActionName, RequestFields>>;

function fieldsOf({ inRoom, to, maxMessageBytes }: RtcActionRules): RequestFields {
  const user = to === 'list' ? USERS : idField('The user', 'alice');
  return {
    ...(inRoom && { roomId: idField('The room', 'room-1') }),
    ...(to !== 'none' && { to: user }),
    message: messageField(maxMessageBytes),
    binary: BINARY,
    from: SENDER,
  };
}

function messageField(maxBytes: number): RequestField<string | Uint8Array> {
  const rule: Rule<string | Uint8Array> = (given, _isVariable, { binary } = {}) => {
    // A copy, since the caller may use the bytes for something else. The constructor calls nothing of a subclass.
    const value = isUint8Array(given) ? new Uint8Array(given) : given;
    const problem = messageProblem(value, binary, maxBytes);
    return problem === undefined ? { value: value as string | Uint8Array } : wrong(problem);
  };
  return {
    rule,
    required: true,
    schema: {
      type: 'string',
      description: `Text of at most ${maxBytes} bytes of UTF-8; with \`binary\`, base64 of as many bytes.`,
      minLength: 1,
      // Base64 is the longest that there can be.
      maxLength: Math.ceil(maxBytes / 3) * 4,
      example: 'The class begins.',
    },
  };
}

function idField(what: string, example: string): RequestField<string> {
  return { rule: id, required: true, schema: idSchema(what, example) };
}

function idSchema(what: string, example: string): FieldSchema {
  return {
    type: 'string',
    description: `${what}: 1–${MAX_ID_LENGTH} of a-z A-Z 0-9 @ . _ -`,
    pattern: ID.source,
    minLength: 1,
    maxLength: MAX_ID_LENGTH,
    example,
  };
}
