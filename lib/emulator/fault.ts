import { createSecureContext } from 'node:tls';
import { isRtcActionName, type RtcActionName } from '../openapi/rtc-action.js';
import { type ApiErrorCode, isApiErrorCode } from './api-error.js';

/**
 * What the emulator does in place of a good answer. Those with `accept` may accept the message first, so that
 * the sender can't tell; where it is left out, the comment says which.
 */
export type Fault =
  /**
   * The connection is reset instead of an answer. Default: not accepted, and if every request is meant (no `match`,
   * no `probability`), the body is not even read.
   */
  | { readonly kind: 'reset'; readonly accept?: boolean | undefined }
  /** The answer comes after so many milliseconds. Default: accepted; if not, it is an internal error. */
  | { readonly kind: 'late'; readonly delayMs: number; readonly accept?: boolean | undefined }
  /** The answer comes byte by byte, one each so many milliseconds (default 50). Default: accepted, else as above. */
  | { readonly kind: 'drip'; readonly intervalMs?: number | undefined; readonly accept?: boolean | undefined }
  /** The answer's JSON breaks off in the middle. Default: accepted. */
  | { readonly kind: 'truncated'; readonly accept?: boolean | undefined }
  /** A page, as of a proxy, with this status (default 200). Default: not accepted. */
  | { readonly kind: 'html'; readonly httpStatus?: number | undefined; readonly accept?: boolean | undefined }
  /** An answer without a body, with this status (default 200). Default: not accepted. */
  | {
      readonly kind: 'empty';
      readonly httpStatus?: number | undefined;
      readonly accept?: boolean | undefined;
    }
  /** One of the documented errors, by default with its documented status. Default: not accepted. */
  | {
      readonly kind: 'error';
      readonly code: ApiErrorCode;
      readonly httpStatus?: number | undefined;
      /** The `Retry-After` header: seconds, or a date. */
      readonly retryAfter?: number | string | undefined;
      readonly accept?: boolean | undefined;
    }
  /** A redirect, by default with 307, which asks for the same request again. Default: not accepted. */
  | {
      readonly kind: 'redirect';
      readonly location: string;
      readonly httpStatus?: number | undefined;
      readonly accept?: boolean | undefined;
    }
  /** An answer that is so many bytes long. Default: accepted, else as above. */
  | { readonly kind: 'oversized'; readonly bytes: number; readonly accept?: boolean | undefined }
  /** A good answer, after which the connection is closed though it was to be kept. Accepted. */
  | { readonly kind: 'close_after_answer' }
  /** The request meets a clock that is so many milliseconds ahead (or, if negative, behind). */
  | { readonly kind: 'clock'; readonly offsetMs: number }
  /** A connection is reset as soon as it is made; over TLS, before the handshake. */
  | { readonly kind: 'reset_connection' }
  /** Over TLS: a connection is shown this certificate (PEM) in place of the emulator's own. */
  | { readonly kind: 'untrusted_certificate'; readonly key: string; readonly cert: string }
  /** Connections are refused from now on for so many milliseconds, and idle ones are closed. */
  | { readonly kind: 'refuse'; readonly forMs: number };

/** What a fault can be. */
export type FaultKind = Fault['kind'];

/** What a rule looks at in a request. Fields that can't be read are empty. */
export interface FaultTarget {
  /** The action that the request names. */
  readonly action: string;
  /** The room that the request names. */
  readonly roomId: string;
  /** The users that it addresses. */
  readonly to: readonly string[];
}

/** A fault, and which requests (or connections) it befalls. */
export type FaultRule = Fault & {
  /** How many it befalls: by default one; with a probability, all that it hits. */
  readonly times?: number | undefined;
  /** How likely it befalls one that matches, from 0 to 1. */
  readonly probability?: number | undefined;
  /** Of the probability's random numbers. Default 1: each run is the same. */
  readonly seed?: number | undefined;
  /** Only requests of this action, to this room or this user, or (from code) those that the function picks. */
  readonly match?:
    | {
        /** Only requests of this action. */
        readonly action?: RtcActionName | undefined;
        /** Only requests to this room. */
        readonly roomId?: string | undefined;
        /** Only requests that address this user, alone or among others. */
        readonly userId?: string | undefined;
      }
    | ((target: FaultTarget) => boolean)
    | undefined;
};

/** These befall connections rather than requests. */
export const OF_CONNECTIONS: ReadonlySet<FaultKind> = new Set([
  'reset_connection',
  'untrusted_certificate',
  'refuse',
]);

type Check = readonly [rule: string, holds: (value: unknown) => boolean];

const DURATION: Check = ['must be milliseconds from 0 to 600000', (value) => isWhole(value, 0, 600_000)];
const TEXT: Check = ['must be a text', (value) => typeof value === 'string' && value !== ''];

/** What each field takes, whichever the kind. */
const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['accept', ['must be true or false', (value) => typeof value === 'boolean']],
  ['bytes', ['must be a number of bytes up to 64 MB', (value) => isWhole(value, 1, 67_108_864)]],
  ['cert', TEXT],
  ['code', ['must be one of the documented codes', isApiErrorCode]],
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

/** Which fields each kind must have, and which it may, beside those of every rule. */
const FIELDS: Readonly<Record<FaultKind, { readonly must?: string[]; readonly may?: string[] }>> = {
  reset: { may: ['accept'] },
  late: { must: ['delayMs'], may: ['accept'] },
  drip: { may: ['intervalMs', 'accept'] },
  truncated: { may: ['accept'] },
  html: { may: ['httpStatus', 'accept'] },
  empty: { may: ['httpStatus', 'accept'] },
  error: { must: ['code'], may: ['httpStatus', 'retryAfter', 'accept'] },
  redirect: { must: ['location'], may: ['httpStatus', 'accept'] },
  oversized: { must: ['bytes'], may: ['accept'] },
  close_after_answer: {},
  clock: { must: ['offsetMs'] },
  reset_connection: {},
  untrusted_certificate: { must: ['key', 'cert'] },
  refuse: { must: ['forMs'] },
};
const RULE_FIELDS = ['times', 'probability', 'seed', 'match'];
/** There is nothing in a connection to match. */
const CONNECTION_RULE_FIELDS = ['times', 'probability', 'seed'];

/** @throws TypeError naming the field that can't be used */
export function checkFaultRule(given: unknown): asserts given is FaultRule {
  if (typeof given !== 'object' || given === null) throw new TypeError('A fault must be an object.');
  const { kind, ...fields } = given as Record<string, unknown>;
  if (typeof kind !== 'string' || !Object.hasOwn(FIELDS, kind)) {
    throw new TypeError(`kind: must be one of ${Object.keys(FIELDS).join(', ')}`);
  }
  const { must = [], may = [] } = FIELDS[kind as FaultKind];
  const missing = must.find((name) => fields[name] === undefined);
  if (missing !== undefined) throw new TypeError(`${kind}.${missing}: is missing`);
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const ofRule = OF_CONNECTIONS.has(kind as FaultKind) ? CONNECTION_RULE_FIELDS : RULE_FIELDS;
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

/** Whether a request that it befalls is accepted all the same. */
export function acceptsRequest(fault: Fault): boolean {
  switch (fault.kind) {
    case 'late':
    case 'drip':
    case 'truncated':
    case 'oversized':
      return fault.accept ?? true;
    case 'reset':
    case 'html':
    case 'empty':
    case 'error':
    case 'redirect':
      return fault.accept ?? false;
    default:
      return true;
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
