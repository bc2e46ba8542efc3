import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { type ApiRequest, isReservedName } from '../openapi/api-request.js';
import { plainProblem, UnsendableBodyError, writeJson } from '../openapi/json-body.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import { canonicalQuery, type NameValue } from '../openapi/signature-v4.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { join } from '../options/option-table.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { type Checked, isArray, list, must, oneOf, typeName, unless, wrong } from '../options/rules.js';

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
   * Parameters beside `Action` and `Version`: `{ AppId, UserIds: ['alice', 'bob'] }`. A list has at most 1,000 items, and
   * the whole query takes at most 16,384 bytes of the URL.
   */
  readonly query?:
    Readonly<Record<string, OpenApiQueryValue | readonly OpenApiQueryValue[] | undefined>> | undefined;
  /**
   * An object of plain fields, at most 1,000 levels deep. It is sent as JSON, so bytes have to be in a field as text, such
   * as base64. Not allowed with `GET`.
   */
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
  body: readBody,
} as const;

/** Limits of a list, and of the query in the URL, in bytes: servers and gateways accept that much. */
const MAX_ITEMS = 1_000;
const MAX_QUERY_LENGTH = 16_384;

const queryValue = must<OpenApiQueryValue>(
  'text, a number, true or false, or a list of these',
  (one) =>
    (typeof one === 'string' && one.isWellFormed()) || typeof one === 'boolean' || Number.isFinite(one),
);
const queryValues = list('values', queryValue, MAX_ITEMS, 0);

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
  const problem = plainProblem(given);
  const query = readProperties(given, []);
  if (problem !== undefined || query === undefined) return wrong(problem ?? UNREADABLE);
  const pairs: NameValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    const checked = isArray(value) ? queryValues(value) : queryValue(value);
    // A name may be any text. It is not repeated unless it is well-formed.
    if (!/^[A-Za-z][\w.-]{0,127}$/.test(name))
      problems.push({
        option: '',
        message: 'has a name that is not 1–128 of A-Z a-z 0-9 _ . -, a letter first',
      });
    else if (isReservedName(name))
      problems.push({ option: name, message: 'is given by this library, as all of X-… are' });
    else if ('value' in checked) for (const one of [checked.value].flat()) pairs.push([name, String(one)]);
    else
      for (const { option, message } of checked.problems)
        problems.push({ option: join(name, option), message });
  }
  if (problems.length > 0) return { problems };
  const { length } = canonicalQuery(pairs);
  return length > MAX_QUERY_LENGTH
    ? wrong(`takes ${length} bytes of the URL; it may take at most ${MAX_QUERY_LENGTH}`)
    : { value: pairs };
}

function readBody(given: unknown): Checked<string> {
  try {
    return { value: writeJson(given) };
  } catch (error) {
    if (!(error instanceof UnsendableBodyError)) throw error;
    return { problems: [{ option: error.field, message: error.message }] };
  }
}
