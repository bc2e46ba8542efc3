import { createSecureContext } from 'node:tls';
import { isPublishedErrorCode } from '../openapi/published-errors.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import type { FaultKind, FaultRule } from './fault.js';
import { FAULT_KINDS, rulesOf } from './fault-kinds.js';

type Check = readonly [rule: string, holds: (value: unknown) => boolean];

const DURATION: Check = ['must be milliseconds from 0 to 600000', (value) => isWhole(value, 0, 600_000)];
const TEXT: Check = ['must be a text', (value) => typeof value === 'string' && value !== ''];

/** What each field takes, whichever the kind. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['accept', ['must be true or false', (value) => typeof value === 'boolean']],
  ['bytes', ['must be a number of bytes up to 64 MB', (value) => isWhole(value, 1, 67_108_864)]],
  ['cert', TEXT],
  ['code', ['must be one of the documented codes', isPublishedErrorCode]],
  ['delayMs', DURATION],
  ['forMs', DURATION],
  ['httpStatus', ['must be an HTTP status from 200 to 599', (value) => isWhole(value, 200, 599)]],
  ['intervalMs', DURATION],
  ['key', TEXT],
  [
    'location',
    ['must be a URL', (value) => typeof value === 'string' && /^[\x21-\x7e]{1,2048}$/.test(value)],
  ],
  ['match', ['must be { action?, roomId?, userId? } or a function', isMatch]],
  ['offsetMs', ['must be milliseconds, at most a century', (value) => isWhole(value, -3.2e12, 3.2e12)]],
  ['probability', ['must be from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1]],
  ['retryAfter', ['must be seconds or a date', isHeaderValue]],
  ['seed', ['must be a whole number', (value) => isWhole(value, -(2 ** 53), 2 ** 53)]],
  ['times', ['must be a whole number from 1', (value) => value === Infinity || isWhole(value, 1, 2 ** 53)]],
]);

const RULE_FIELDS = ['times', 'probability', 'seed', 'match'];
/** There is nothing in a connection to match. */
const CONNECTION_RULE_FIELDS = ['times', 'probability', 'seed'];

/** @throws TypeError naming the field that can't be used */
export function checkFaultRule(given: unknown): asserts given is FaultRule {
  if (typeof given !== 'object' || given === null) throw new TypeError('A fault must be an object.');
  const { kind, ...fields } = given as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(FAULT_KINDS, kind)) {
    throw new TypeError(`kind: must be one of ${Object.keys(FAULT_KINDS).join(', ')}`);
  }
  const { must = [], may = [], strikes } = rulesOf(kind as FaultKind);
  const missing = must.find((name) => fields[name] === undefined);
  if (missing !== undefined) throw new TypeError(`${kind}.${missing}: is missing`);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const ofRule = strikes === 'connection' ? CONNECTION_RULE_FIELDS : RULE_FIELDS;
    const known = [...must, ...may, ...ofRule].includes(name);
    const [rule, holds] = (known ? CHECKS.get(name) : undefined) ?? ['there is no such field', () => false];
    if (!holds(value)) throw new TypeError(`${kind}.${name}: ${rule}`);
  }
  if (kind === 'untrusted_certificate') checkCertificate(fields as { key: string; cert: string });
}

function checkCertificate({ key, cert }: { key: string; cert: string }): void {
  try {
    createSecureContext({ key, cert });
  } catch {
    throw new TypeError('untrusted_certificate: key and cert must be PEM texts that belong together');
  }
}

function isWhole(value: unknown, minimum: number, maximum: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum;
}

function isHeaderValue(value: unknown): boolean {
  return isWhole(value, 0, 1e9) || (typeof value === 'string' && /^[ -~]{1,64}$/.test(value));
}

function isMatch(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return (
    fields.length > 0 &&
    fields.every(([name, value]) =>
      name === 'action'
        ? isRtcActionName(value)
        : (name === 'roomId' || name === 'userId') && typeof value === 'string',
    )
  );
}
