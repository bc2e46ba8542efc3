import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { type ApiRequest, isReservedName } from '../openapi/api-request.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import type { NameValue } from '../openapi/signature-v4.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { type Checked, oneOf, text, typeName, unless, wrong } from '../options/rules.js';

/** A value of a query; of a list, each becomes a parameter of its own, in their order. */
export type OpenApiQueryValue = string | number | boolean | undefined;

/** A call of an action that has no service of its own. */
export interface OpenApiRequest {
  /** The action's name, as in the vendor's pages: `BanRoomUser`. */
  readonly action: string;
  /** Its version: `2023-11-01`. */
  readonly version: string;
  /** Default: `POST` where there is a body, else `GET`. */
  readonly method?: 'GET' | 'POST' | undefined;
  /** Parameters beside `Action` and `Version`: `{ AppId, UserIds: ['alice', 'bob'] }`. */
  readonly query?: Readonly<Record<string, OpenApiQueryValue | readonly OpenApiQueryValue[]>> | undefined;
  /** Sent as JSON. Not of a `GET`. */
  readonly body?: object | undefined;
}

/** Where the messaging actions are: there they are held to the quota, and not sent twice. */
const SERVICES: Readonly<Record<string, string>> = {
  BatchSendRoomUnicast: 'RoomUnicastService.batchSend()',
  SendRoomUnicast: 'RoomUnicastService.send()',
  SendBroadcast: 'RoomBroadcastService.send()',
  SendUnicast: 'UserUnicastService.send()',
} satisfies Record<keyof typeof RTC_ACTIONS, string>;

const API_REQUEST = {
  action: { rule: unless<string>(actionProblem), required: true },
  version: { rule: text(/^\d{4}-\d\d-\d\d$/, 'must be a date such as 2023-11-01'), required: true },
  method: oneOf('GET', 'POST'),
  query: readQuery,
  body: writeJson,
} as const;

/** @throws RtcValidationError when a rule is broken */
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

function readQuery(given: unknown): Checked<NameValue[]> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return wrong(`must be an object of names and values, got ${typeName(given)}`);
  }
  const query = readProperties(given, []);
  if (query === undefined) return wrong(UNREADABLE);
  const pairs: NameValue[] = [];
  const problems: ConfigProblem[] = [];
  for (const [name, value] of Object.entries(query)) {
    // A name may be anything, and is not repeated where it has not the form.
    const isName = /^[A-Za-z][\w.-]{0,127}$/.test(name);
    const option = isName ? name : '';
    if (!isName)
      problems.push({ option, message: 'has a name that is not 1–128 of A-Z a-z 0-9 _ . -, a letter first' });
    else if (isReservedName(name))
      problems.push({ option, message: 'is given by this library, as all of X-… are' });
    for (const one of Array.isArray(value) ? Array.from<unknown>(value) : [value]) {
      const isPlain = typeof one === 'string' || typeof one === 'boolean' || Number.isFinite(one);
      if (isPlain && String(one).isWellFormed()) pairs.push([name, String(one)]);
      else if (one !== undefined)
        problems.push({ option, message: 'must be text, a number, true or false, or a list of these' });
    }
  }
  return problems.length > 0 ? { problems } : { value: pairs };
}

function writeJson(body: unknown): Checked<string> {
  let json: unknown;
  try {
    json = typeof body === 'object' && body !== null && JSON.stringify(body);
  } catch {
    // Such as a circle.
  }
  // A toJSON() may make anything of it.
  const isObject = typeof json === 'string' && json.startsWith('{');
  return isObject ? { value: json as string } : wrong('must be an object that can be written as JSON');
}
