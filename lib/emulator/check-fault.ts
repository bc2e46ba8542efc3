import { createSecureContext } from 'node:tls';
import { isPublishedErrorCode } from '../openapi/published-errors.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { failWith, readOptions } from '../options/read-options.js';
import { flag, must, type Rule, text, wholeNumber } from '../options/rules.js';
import { isCallbackAction } from './callback-action.js';
import type { FaultKind, FaultRule } from './fault.js';
import { FAULT_KINDS, rulesOf } from './fault-kinds.js';

const duration = wholeNumber(0, 600_000, 'milliseconds');
const pem = text(/./, 'must be a text');
const seconds = wholeNumber(0, 1e9);

/** What each field takes, whichever the kind. */
const FIELDS: Readonly<Record<keyof AllFields, Rule<unknown>>> = {
  accept: flag,
  bytes: wholeNumber(1, 67_108_864, 'a number of bytes'),
  cert: pem,
  code: must('one of the documented codes', isPublishedErrorCode),
  delayMs: duration,
  forMs: duration,
  httpStatus: wholeNumber(200, 599, 'an HTTP status'),
  intervalMs: duration,
  key: pem,
  location: text(/^[\x21-\x7e]{1,2048}$/, 'must be a URL'),
  match: matchOf(isRtcActionName),
  // At most a century.
  offsetMs: wholeNumber(-3.2e12, 3.2e12, 'milliseconds'),
  probability: must('from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1),
  retryAfter: must(
    'seconds or a date',
    (value) => 'value' in seconds(value) || (typeof value === 'string' && /^[ -~]{1,64}$/.test(value)),
  ),
  seed: wholeNumber(-Number.MAX_SAFE_INTEGER),
  times: wholeNumber(1, Number.POSITIVE_INFINITY),
};

/** All fields of all faults, beside `kind`. */
type AllFields = Omit<UnionToIntersection<FaultRule>, 'kind'>;
type UnionToIntersection<Union> = (Union extends unknown ? (one: Union) => void : never) extends (
  all: infer All,
) => void
  ? All
  : never;

const RULE_FIELDS = ['times', 'probability', 'seed', 'match'];
/** There is nothing in a connection to match. */
const CONNECTION_RULE_FIELDS = ['times', 'probability', 'seed'];

/** @throws TypeError naming each field that can't be used */
export function checkFaultRule(given: unknown): asserts given is FaultRule {
  if (typeof given !== 'object' || given === null) throw new TypeError('A fault must be an object.');
  const { kind, ...fields } = given as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(FAULT_KINDS, kind)) {
    throw new TypeError(`kind: must be one of ${Object.keys(FAULT_KINDS).join(', ')}`);
  }
  const { must: needed = [], may = [], strikes = 'request' } = rulesOf(kind as FaultKind);
  const ofRule = ['request', 'callback'].includes(strikes) ? RULE_FIELDS : CONNECTION_RULE_FIELDS;
  const table = Object.fromEntries(
    [...needed, ...may, ...ofRule].map((name) => {
      const isOfCallbacks = name === 'match' && strikes === 'callback';
      const rule = isOfCallbacks ? matchOf(isCallbackAction) : FIELDS[name as keyof AllFields];
      return [name, needed.includes(name) ? { rule, required: true } : { rule }];
    }),
  );
  failWith(readOptions(table, fields, kind).problems);
  if (kind === 'untrusted_certificate') checkCertificate(fields as { key: string; cert: string });
}

function checkCertificate({ key, cert }: { key: string; cert: string }): void {
  try {
    createSecureContext({ key, cert });
  } catch {
    throw new TypeError('untrusted_certificate: key and cert must be PEM texts that belong together');
  }
}

/** @param isAction whether a fault of that kind can meet it */
function matchOf(isAction: (name: unknown) => boolean): Rule<unknown> {
  return must('{ action?, roomId?, userId? } or a function', (value) => isMatch(value, isAction));
}

function isMatch(value: unknown, isAction: (name: unknown) => boolean): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return (
    fields.length > 0 &&
    fields.every(([name, value]) =>
      name === 'action'
        ? isAction(value)
        : (name === 'roomId' || name === 'userId') && typeof value === 'string',
    )
  );
}
