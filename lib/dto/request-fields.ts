import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import {
  flagProblem,
  ID,
  idProblem,
  type ListProblem,
  MAX_ID_LENGTH,
  MAX_RECIPIENTS,
  messageProblem,
  recipientProblems,
} from './field-rules.js';

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

/** A field of a request. Services check it, the DTOs derive a rule from it, and OpenAPI documents it. */
export interface RequestField {
  /** The name under which class-validator reports it. */
  readonly rule: string;
  readonly required: boolean;
  readonly schema: FieldSchema;
  problemsOf(value: unknown, request: { readonly binary?: unknown }): readonly ListProblem[];
}

const USERS: RequestField = {
  rule: 'isRecipientList',
  required: true,
  schema: {
    type: 'array',
    description: 'The users. Duplicate users are removed.',
    items: idSchema('A user', 'alice'),
    minItems: 1,
    maxItems: MAX_RECIPIENTS,
    example: ['alice', 'bob'],
  },
  problemsOf: recipientProblems,
};

const BINARY: RequestField = {
  rule: 'isTrueOrFalse',
  required: false,
  schema: {
    type: 'boolean',
    // Not as `default`, by which generators of clients take a field to be always there.
    description: 'Whether `message` is base64 and to be sent as bytes. Default: false',
  },
  problemsOf: (value) => listed(flagProblem(value)),
};

/** The field `from`, where callers may name the sender. */
export const SENDER_FIELD: RequestField = {
  ...id("The sender that clients see; default: the module's", 'server'),
  required: false,
};

/** The problem with `from` where callers may not set it. */
export const NO_SENDER = 'may not be chosen by the caller';

const FIELDS = Object.fromEntries(
  Object.entries(RTC_ACTIONS).map(([action, rules]) => [action, fieldsOf(rules)]),
) as Record<RtcActionName, ReadonlyMap<string, RequestField>>;

/** The fields of an action's request that any caller has, by their names. */
export function requestFields(action: RtcActionName): ReadonlyMap<string, RequestField> {
  return FIELDS[action];
}

/** Path of a problem in a list: `to[3]`. */
export function pathInList(property: string, { index }: ListProblem): string {
  return index === undefined ? property : `${property}[${index}]`;
}

function fieldsOf({ inRoom, to, maxMessageBytes }: RtcActionRules): ReadonlyMap<string, RequestField> {
  const fields = new Map<string, RequestField>();
  if (inRoom) fields.set('roomId', id('The room', 'room-1'));
  if (to !== 'none') fields.set('to', to === 'list' ? USERS : id('The user', 'alice'));
  return fields.set('message', message(maxMessageBytes)).set('binary', BINARY);
}

function message(maxBytes: number): RequestField {
  return {
    rule: 'isRtcMessage',
    required: true,
    schema: {
      type: 'string',
      description: `Text of at most ${maxBytes} bytes of UTF-8; with \`binary\`, base64 of as many bytes.`,
      minLength: 1,
      // Base64 is the longest that there can be.
      maxLength: Math.ceil(maxBytes / 3) * 4,
      example: 'The class begins.',
    },
    problemsOf: (value, { binary }) => listed(messageProblem(value, binary, maxBytes)),
  };
}

function id(what: string, example: string): RequestField {
  return {
    rule: 'isRtcId',
    required: true,
    schema: idSchema(what, example),
    problemsOf: (value) => listed(idProblem(value)),
  };
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

function listed(problem: string | undefined): readonly ListProblem[] {
  return problem === undefined ? [] : [{ message: problem }];
}
