import { RtcConfigError } from '../errors/rtc-config.error.js';
import { isDate } from 'node:util/types';
import { kindOfThrown } from '../errors/thrown.js';
import {
  keyProblems,
  redactCredentials,
  type ResolveCredentials,
  type ResolvedCredentials,
  type RtcCredentials,
  type RtcCredentialsOption,
  type RtcCredentialsProvider,
} from './credentials.js';
import type { Redacted } from '../privacy/redacted.js';

export function isCredentialsProvider(option: unknown): option is RtcCredentialsProvider {
  return typeof (option as Partial<RtcCredentialsProvider> | null)?.resolveCredentials === 'function';
}

/**
 * Reduces the option's three forms to two: fixed credentials, or a function that asks the provider. Fixed credentials
 * must have been checked.
 */
export function readCredentialsOption(
  option: RtcCredentialsOption,
): Redacted<RtcCredentials> | ResolveCredentials {
  const isProvider = isCredentialsProvider(option);
  if (typeof option !== 'function' && !isProvider) return redactCredentials(option);
  let ask = asking.get(option);
  if (ask === undefined) {
    ask = () => askProvider(isProvider ? () => option.resolveCredentials() : option);
    asking.set(option, ask);
  }
  return ask;
}

/** The functions by provider, so that two modules with the same provider have equal settings. */
const asking = new WeakMap<object, ResolveCredentials>();

async function askProvider(
  ask: () => RtcCredentials | Promise<RtcCredentials>,
): Promise<ResolvedCredentials> {
  let keys: Readonly<Record<'accessKeyId' | 'secretAccessKey' | 'sessionToken', unknown>>;
  let expiration: number | undefined;
  try {
    // Each member is read once, so that the checked value is the one that is used.
    const given = (await ask()) ?? {};
    keys = {
      accessKeyId: memberOf(given, 'accessKeyId'),
      secretAccessKey: memberOf(given, 'secretAccessKey'),
      sessionToken: memberOf(given, 'sessionToken') || undefined,
    };
    expiration = timeOf(memberOf(given, 'expiration'));
  } catch (error) {
    // The provider's message is left out. It may quote a secret.
    const message = `the provider failed with ${kindOfThrown(error)}`;
    throw new RtcConfigError([{ option: 'credentials', message }]);
  }
  const problems = keyProblems(keys);
  if (Number.isNaN(expiration)) problems.push({ option: 'expiration', message: 'is not a time' });
  if (problems.length > 0) {
    throw new RtcConfigError(
      problems.map(({ option, message }) => ({
        option: `credentials.${option}`,
        message: `what the provider gave ${message}`,
      })),
    );
  }
  return { ...(keys as RtcCredentials), expiration };
}

/** A property of the object or its classes, but not of a changed `Object.prototype`. */
function memberOf(given: object, name: keyof RtcCredentials): unknown {
  const isInherited = Object.hasOwn(Object.prototype, name) && !Object.hasOwn(given, name);
  return isInherited ? undefined : (given as Partial<RtcCredentials>)[name];
}

/** Milliseconds since the epoch, or NaN if it is no time. A Date may come from another realm. */
function timeOf(expiration: unknown): number | undefined {
  switch (typeof expiration) {
    case 'undefined':
      return undefined;
    case 'string':
      return new Date(/^\d+$/.test(expiration) ? Number(expiration) : expiration).getTime();
    case 'number':
      return new Date(expiration).getTime();
    case 'bigint':
      return new Date(Number(expiration)).getTime();
    default:
      if (expiration === null) return undefined;
      return isDate(expiration) ? Date.prototype.getTime.call(expiration) : Number.NaN;
  }
}
