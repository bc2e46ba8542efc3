import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { type ApiRequest, isReservedName } from '../openapi/api-request.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import { isPlain } from '../openapi/request-body.js';
import { canonicalQuery, encodeRfc3986, type NameValue } from '../openapi/signature-v4.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { type Checked, isArray, must, oneOf, typeName, unless, wrong } from '../options/rules.js';

/** A value of a query parameter. Each item of a list becomes a parameter of its own, in the order of the list. */
export type OpenApiQueryValue = string | number | boolean | undefined;

/** A request to an action that has no service of its own. */
export interface OpenApiRequest {
  /** The action's name, as in the vendor's pages: `BanRoomUser`. */
  readonly action: string;
  /** Its version: `2023-11-01`. */
  readonly version: string;
  /** Default: `POST` with a body, otherwise `GET`. */
  readonly method?: 'GET' | 'POST' | undefined;
  /**
   * Parameters beside `Action` and `Version`: `{ AppId, UserIds: ['alice', 'bob'] }`. In the URL, a value may have at
   * most 8,192 bytes, and the whole query 16,384.
   */
  readonly query?: Readonly<Record<string, OpenApiQueryValue | readonly OpenApiQueryValue[]>> | undefined;
  /** An object of plain fields, at most 1,000 levels deep. It is sent as JSON. Not allowed with `GET`. */
  readonly body?: object | undefined;
}

/** The methods for messaging actions, which keep to the quota and do not send twice. */
const SERVICES: Readonly<Record<string, string>> = {
  BatchSendRoomUnicast: 'RoomUnicastService.batchSend()',
  SendRoomUnicast: 'RoomUnicastService.send()',
  SendBroadcast: 'RoomBroadcastService.send()',
  SendUnicast: 'UserUnicastService.send()',
} satisfies Record<keyof typeof RTC_ACTIONS, string>;

const API_REQUEST = {
  action: { rule: unless<string>(actionProblem), required: true },
  version: { rule: must<string>('a date such as 2023-11-01', isDate), required: true },
  method: oneOf('GET', 'POST'),
  query: readQuery,
  body: writeJson,
} as const;

/** Limits of a value and of the whole query in the URL, in bytes. Servers and gateways accept that much. */
const MAX_VALUE_LENGTH = 8_192;
const MAX_QUERY_LENGTH = 16_384;
/** Deepest body. Whether a deeper one can be written depends on the free stack. */
const MAX_DEPTH = 1_000;
const NOT_PLAIN = 'must be an object of plain fields, not a Map, a form or a stream';

/** @throws RtcValidationError when the request violates a rule */
export function checkApiRequest(request: OpenApiRequest): ApiRequest {
  const { action, version, method, query = [], body } = checkCallOptions(API_REQUEST, request, '');
  if (method === 'GET' && body !== undefined) {
    throw new RtcValidationError([{ path: 'body', message: 'must not be given with GET' }]);
  }
  const isGet = method === 'GET' || (method === undefined && body === undefined);
  return {
    action,
    version,
    method: isGet ? 'GET' : 'POST',
    query,
    body: Buffer.from(body ?? (isGet ? '' : '{}')),
  };
}

function actionProblem(action: unknown): string | undefined {
  if (typeof action !== 'string' || !/^[A-Z][A-Za-z0-9]{0,63}$/.test(action)) {
    return 'must be a name such as BanRoomUser: 1–64 letters and digits, a capital first';
  }
  const service = Object.keys(SERVICES).find((name) => name.toLowerCase() === action.toLowerCase());
  return service && `is sent by ${SERVICES[service]}, which keeps to the quota and does not send twice`;
}

function isDate(given: unknown): boolean {
  if (typeof given !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(given)) return false;
  return new Date(`${given}T00:00:00Z`).toISOString().startsWith(given);
}

function readQuery(given: unknown): Checked<NameValue[]> {
  if (typeof given !== 'object' || given === null || isArray(given)) {
    return wrong(`must be an object of names and values, got ${typeName(given)}`);
  }
  const query = readProperties(given, []);
  if (query === undefined) return wrong(UNREADABLE);
  if (!isPlain(given) || 'toJSON' in given) return wrong(NOT_PLAIN);
  const pairs: NameValue[] = [];
  const problems: ConfigProblem[] = [];
  let length = 0;
  for (const [name, value] of Object.entries(query)) {
    // A name may be any text. It is not repeated unless it is well-formed.
    const isName = /^[A-Za-z][\w.-]{0,127}$/.test(name);
    const option = isName ? name : '';
    if (!isName)
      problems.push({ option, message: 'has a name that is not 1–128 of A-Z a-z 0-9 _ . -, a letter first' });
    else if (isReservedName(name))
      problems.push({ option, message: 'is given by this library, as all of X-… are' });
    const values = readValues(value);
    if (typeof values === 'string') problems.push({ option, message: values });
    else for (const one of values) pairs.push([name, one]);
  }
  if (problems.length > 0) return { problems };
  for (const pair of pairs) length += canonicalQuery([pair]).length + 1;
  return length > MAX_QUERY_LENGTH
    ? wrong(`takes ${length} bytes of the URL; it may take at most ${MAX_QUERY_LENGTH}`)
    : { value: pairs };
}

/** @returns the text of a value or of each item of a list, or the first problem */
function readValues(value: unknown): string[] | string {
  const texts: string[] = [];
  try {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const { length } = list;
    if (length > MAX_QUERY_LENGTH) return `has ${length} items; a list has at most ${MAX_QUERY_LENGTH}`;
    for (let index = 0; index < length; index++) {
      const one = list[index];
      if (one === undefined) continue;
      const isText = typeof one === 'string' || typeof one === 'boolean' || Number.isFinite(one);
      const text = isText ? String(one) : undefined;
      if (text === undefined || !text.isWellFormed())
        return 'must be text, a number, true or false, or a list of these';
      // A text that is too long anyway is not encoded.
      if (text.length > MAX_VALUE_LENGTH || encodeRfc3986(text).length > MAX_VALUE_LENGTH)
        return `has a value that takes more of the URL than it may: at most ${MAX_VALUE_LENGTH} bytes`;
      texts.push(text);
    }
  } catch {
    return UNREADABLE;
  }
  return texts;
}

function writeJson(body: unknown): Checked<string> {
  let json: unknown;
  try {
    json = typeof body === 'object' && body !== null && isPlain(body) && JSON.stringify(body);
  } catch {
    // For example, a circular reference.
  }
  // toJSON() may return anything.
  if (typeof json !== 'string' || !json.startsWith('{')) return wrong(NOT_PLAIN);
  return depthOf(json) > MAX_DEPTH ? wrong(`is nested more than ${MAX_DEPTH} deep`) : { value: json };
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let isText = false;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (isText && character === '\\') at += 1;
    else if (character === '"') isText = !isText;
    else if (isText) continue;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth -= 1;
  }
  return deepest;
}
