import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';
import { type ApiRequest, isReservedName } from '../openapi/api-request.js';
import { RTC_ACTIONS } from '../openapi/rtc-action.js';
import type { NameValue } from '../openapi/signature-v4.js';
import { describeType } from './field-rules.js';
import { readProperties } from './read-properties.js';

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

const FIELDS = ['action', 'version', 'method', 'query', 'body'];

/** Where the messaging actions are: there they are held to the quota, and not sent twice. */
const SERVICES: Readonly<Record<string, string>> = {
  BatchSendRoomUnicast: 'RoomUnicastService.batchSend()',
  SendRoomUnicast: 'RoomUnicastService.send()',
  SendBroadcast: 'RoomBroadcastService.send()',
  SendUnicast: 'UserUnicastService.send()',
} satisfies Record<keyof typeof RTC_ACTIONS, string>;

/** @throws RtcValidationError with every rule that is broken */
export function checkApiRequest(request: unknown): ApiRequest {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new RtcValidationError([{ path: 'request', message: 'must be an object' }]);
  }
  const issues: ValidationIssue[] = [];
  const check = (path: string, problem: string | undefined): void => {
    if (problem !== undefined) issues.push({ path, message: problem });
  };
  const given = readProperties(request, FIELDS, 'request');
  const { action, version, body, method = body === undefined ? 'GET' : 'POST', query = {} } = given;
  const isUnknown = Object.keys(given).some((name) => !FIELDS.includes(name));
  check('request', isUnknown ? `takes only ${FIELDS.join(', ')}` : undefined);
  check('action', actionProblem(action));
  const isVersion = typeof version === 'string' && /^\d{4}-\d\d-\d\d$/.test(version);
  check('version', isVersion ? undefined : 'must be a date such as 2023-11-01');
  check('method', method === 'GET' || method === 'POST' ? undefined : 'must be GET or POST');
  const pairs = readQuery(query, check);
  const json = method === 'GET' ? '' : write(body ?? {});
  check('body', json === undefined ? 'must be an object that can be written as JSON' : undefined);
  check('body', method === 'GET' && body !== undefined ? 'must not be given with GET' : undefined);
  if (issues.length > 0) throw new RtcValidationError(issues);
  return { action, version, method, query: pairs, body: Buffer.from(json ?? '') } as ApiRequest;
}

function actionProblem(action: unknown): string | undefined {
  if (typeof action !== 'string' || !/^[A-Z][A-Za-z0-9]{0,63}$/.test(action)) {
    return 'must be a name such as BanRoomUser: 1–64 letters and digits, a capital first';
  }
  const service = Object.keys(SERVICES).find((name) => name.toLowerCase() === action.toLowerCase());
  return service && `is sent by ${SERVICES[service]}, which keeps to the quota and does not send twice`;
}

function readQuery(query: unknown, check: (path: string, problem: string) => void): NameValue[] {
  if (typeof query !== 'object' || query === null || Array.isArray(query)) {
    check('query', `${describeType(query)}; expected an object of names and values`);
    return [];
  }
  const pairs: NameValue[] = [];
  for (const [name, given] of Object.entries(readProperties(query, [], 'query'))) {
    // A name may be anything, and is not repeated where it has not the form.
    const isName = /^[A-Za-z][\w.-]{0,127}$/.test(name);
    const path = isName ? `query.${name}` : 'query';
    if (!isName) check(path, 'has a name that is not 1–128 letters, digits and . _ -, a letter first');
    else if (isReservedName(name)) check(path, 'is given by this library, as all of X-… are');
    const values: readonly unknown[] = Array.isArray(given) ? Array.from<unknown>(given) : [given];
    for (const value of values) {
      if (value === undefined) continue;
      const text = isPlain(value) ? String(value) : undefined;
      if (text?.isWellFormed()) pairs.push([name, text]);
      else check(path, 'must be text, a number, true or false, or a list of these');
    }
  }
  return pairs;
}

function isPlain(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

/** Undefined when it can't be done. */
function write(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  try {
    const json: unknown = JSON.stringify(body);
    // A toJSON() of its own may make anything of it.
    return typeof json === 'string' && json.startsWith('{') ? json : undefined;
  } catch {
    return undefined;
  }
}
