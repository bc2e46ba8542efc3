import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import { ID, MAX_RECIPIENTS } from './field-rules.js';

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

/** A field of a request. */
export interface RequestField {
  readonly schema: FieldSchema;
  readonly required: boolean;
}

/** What the rules of an action's fields are in terms of OpenAPI, by the names of the fields that any caller has. */
export function requestFields(action: RtcActionName): ReadonlyMap<string, RequestField> {
  const { inRoom, to, maxMessageBytes }: RtcActionRules = RTC_ACTIONS[action];
  const fields = new Map<string, RequestField>();
  const add = (name: string, schema: FieldSchema, required = true): void =>
    void fields.set(name, { schema, required });
  if (inRoom) add('roomId', id('The room', 'room-1'));
  if (to === 'one') add('to', id('The user', 'alice'));
  if (to === 'list') {
    add('to', {
      type: 'array',
      description: 'The users. One who is named twice is sent to once.',
      items: id('A user', 'alice'),
      minItems: 1,
      maxItems: MAX_RECIPIENTS,
      example: ['alice', 'bob'],
    });
  }
  add('message', {
    type: 'string',
    description: `Text of at most ${maxMessageBytes} bytes of UTF-8; with \`binary\`, base64 of as many bytes.`,
    minLength: 1,
    // Base64 is the longest that there can be.
    maxLength: Math.ceil(maxMessageBytes / 3) * 4,
    example: 'The class begins.',
  });
  add(
    'binary',
    // Not as `default`, by which generators of clients take a field to be always there.
    { type: 'boolean', description: 'Whether `message` is base64 and to be sent as bytes. Default: false' },
    false,
  );
  return fields;
}

/** The field `from`, where callers may name the sender. */
export const SENDER_FIELD: RequestField = {
  schema: id("The sender that clients see; default: the module's", 'server'),
  required: false,
};

/**
 * The same as a DTO class has it for `@nestjs/swagger`, which looks for a static method `_OPENAPI_METADATA_FACTORY`:
 * its compiler plugin writes one into an app's own DTOs. So the DTOs, and what an app derives from them, are
 * documented without this library loading Swagger.
 */
export function openApiProperties(action: RtcActionName): Readonly<Record<string, object>> {
  return Object.fromEntries(
    [...requestFields(action)].map(([name, { schema, required }]) => [name, { ...schema, required }]),
  );
}

function id(what: string, example: string): FieldSchema {
  return {
    type: 'string',
    description: `${what}: 1–128 of a-z A-Z 0-9 @ . _ -`,
    pattern: ID.source,
    minLength: 1,
    maxLength: 128,
    example,
  };
}
