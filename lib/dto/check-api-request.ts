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
  must,
  oneOf,
  printableName,
  text,
  unless,
  wrong,
} from '../options/rules.js';

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
   * Parameters beside `Action` and `Version`: `{ AppId, UserIds: ['alice', 'bob'] }`. A list has at most 1,000 items.
   */
  readonly query?:
    Readonly<Record<string, OpenApiQueryValue | readonly OpenApiQueryValue[] | undefined>> | undefined;
  /**
   * An object of plain fields. It is sent as JSON, so bytes have to be in a field as text, such as base64. Not allowed
   * with `GET`.
   */
  readonly body?: object | undefined;
}

const API_REQUEST = {
  action: { rule: unless<string>(actionProblem), required: true },
  version: {
    rule: text(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, 'must be a date such as 2023-11-01'),
    required: true,
  },
  method: oneOf('GET', 'POST'),
  query: readQuery,
  body: jsonBody,
} as const;

const MESSAGING = new RegExp(`^(${Object.keys(RTC_ACTIONS).join('|')})$`, 'i');
const values = list(
  'values',
  must<OpenApiQueryValue>(
    'text, a number, true or false, or a list of these',
    (one) =>
      (typeof one === 'string' && one.isWellFormed()) || typeof one === 'boolean' || Number.isFinite(one),
  ),
  1_000,
  0,
);

const NAME_RULE = 'must be a name of A-Z a-z 0-9 _ . -, a letter first, and not Action, Version or X-…';

/** @throws RtcValidationError when the request violates a rule */
export function checkApiRequest(request: OpenApiRequest): ApiRequest {
  const checked = checkCallOptions(API_REQUEST, request, '');
  const { action, version, query = [], body, method = body === undefined ? 'GET' : 'POST' } = checked;
  if (method === 'GET' && body !== undefined) {
    throw new RtcValidationError([{ path: 'body', message: 'must not be given with GET' }]);
  }
  return { action, version, method, query, body: Buffer.from(body ?? (method === 'GET' ? '' : '{}')) };
}

function actionProblem(action: unknown): string | undefined {
  if (typeof action !== 'string' || !/^[A-Z][A-Za-z0-9]{0,63}$/.test(action))
    return 'must be a name such as BanRoomUser: 1–64 letters and digits, a capital first';
  return MESSAGING.test(action)
    ? 'sends messages; use RoomUnicastService, RoomBroadcastService or UserUnicastService, which keep to the quota'
    : undefined;
}

function readQuery(given: unknown): Checked<NameValue[]> {
  const query = isPlain(given) ? readProperties(given, []) : undefined;
  if (query === undefined) return wrong('must be a plain object of names and values');
  const pairs: NameValue[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const isName = /^[A-Za-z][\w.-]{0,127}$/.test(name) && !isReservedName(name);
    const checked = isName ? values(isArray(value) ? value : [value]) : wrong(NAME_RULE);
    if ('problems' in checked) {
      const [{ message } = { message: NAME_RULE }] = checked.problems;
      return { problems: [{ option: printableName(name), message }] };
    }
    for (const one of checked.value) pairs.push([name, String(one)]);
  }
  return { value: pairs };
}
