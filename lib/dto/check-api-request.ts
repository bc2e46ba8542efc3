import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { type ApiRequest, isReservedName } from '../openapi/api-request.js';
import { isPlain, jsonBody } from '../openapi/json-body.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import type { NameValue } from '../openapi/signature-v4.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { readProperties } from '../options/read-properties.js';
import {
  type Checked,
  isArray,
  list,
  oneOf,
  printableName,
  text,
  typeName,
  unless,
  wrong,
} from '../options/rules.js';
import { NOT_WELL_FORMED } from './field-rules.js';

/** A value of a query parameter. Each item of a list becomes a parameter of its own, in the order of the list. */
export type OpenApiQueryValue = string | number | boolean;

/** A request to an action that has no service of its own. */
export interface OpenApiRequest {
  /** The action's name, as in the vendor's pages: `BanRoomUser`. */
  readonly action: string;
  /** Its version: `2023-11-01`. */
  readonly version: string;
  /** Default: `POST` with a body, otherwise `GET`. */
  readonly method?: 'GET' | 'POST' | undefined;
  /**
   * Parameters beside `Action` and `Version`: `{ AppId, UserIds: ['alice', 'bob'] }`. All of them together have at most
   * 65,536 characters, more than a server takes.
   */
  readonly query?:
    Readonly<Record<string, OpenApiQueryValue | readonly OpenApiQueryValue[] | undefined>> | undefined;
  /**
   * An object of plain fields. It is sent as JSON, so bytes have to be in a field as text, such as base64. Not allowed
   * with `GET`.
   */
  readonly body?: object | undefined;
}

const NAME = text(/^[A-Z][A-Za-z0-9]{0,63}$/, 'must be 1–64 letters and digits, a capital first');
const DATE = text(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'must be a date such as 2023-11-01');

const API_REQUEST = {
  action: { rule: NAME, required: true },
  version: { rule: DATE, required: true },
  method: oneOf('GET', 'POST'),
  query: readQuery,
  body: jsonBody,
} as const;

const PARAMETER_NAME = 'must be a name of A-Z a-z 0-9 _ . -, a letter first, and not Action, Version or X-…';
const value = unless<OpenApiQueryValue>((one) => {
  if (typeof one === 'string') return one.isWellFormed() ? undefined : NOT_WELL_FORMED;
  const isValue = typeof one === 'boolean' || Number.isFinite(one);
  return isValue
    ? undefined
    : `must be text, a number, true or false, or a list of these, got ${typeName(one)}`;
});
/** Of names and values together. */
const MAX_QUERY_LENGTH = 65_536;
const values = list('values', value, MAX_QUERY_LENGTH, 0);

const MESSAGING = new RegExp(`^(${Object.keys(RTC_ACTIONS).join('|')})$`, 'i');
const OTHER_SERVICES = 'RoomUnicastService, RoomBroadcastService and UserUnicastService';

/** @throws RtcValidationError when the request violates a rule */
export function checkApiRequest(request: OpenApiRequest): ApiRequest {
  const checked = checkCallOptions(API_REQUEST, request, '');
  const { action, version, query = [], body, method = body === undefined ? 'GET' : 'POST' } = checked;
  if (MESSAGING.test(action)) {
    const message = `is called by ${OTHER_SERVICES}, which keep to the quota and do not send twice`;
    throw new RtcValidationError([{ path: 'action', message }]);
  }
  if (method === 'GET' && body !== undefined) {
    throw new RtcValidationError([{ path: 'body', message: 'must not be given with GET' }]);
  }
  return { action, version, method, query, body: Buffer.from(body ?? (method === 'GET' ? '' : '{}')) };
}

function readQuery(given: unknown): Checked<NameValue[]> {
  const query = isPlain(given) ? readProperties(given, []) : undefined;
  if (query === undefined) return wrong('must be a plain object of names and values');
  const pairs: NameValue[] = [];
  let length = 0;
  for (const [name, one] of Object.entries(query)) {
    if (one === undefined) continue;
    const isName = /^[A-Za-z][\w.-]{0,127}$/.test(name) && !isReservedName(name);
    const checked = isName ? values(isArray(one) ? one : [one]) : wrong(PARAMETER_NAME);
    if ('problems' in checked) {
      return {
        problems: checked.problems.slice(0, 1).map((each) => ({ ...each, option: printableName(name) })),
      };
    }
    const added = checked.value.map((each): NameValue => [name, String(each)]);
    length += added.join('').length;
    if (length > MAX_QUERY_LENGTH) return wrong(`must have at most ${MAX_QUERY_LENGTH} characters`);
    pairs.push(...added);
  }
  return { value: pairs };
}
