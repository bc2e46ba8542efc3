import { RtcConfigError } from '../errors/rtc-config.error.js';
import { isDate } from 'node:util/types';
import { kindOfThrown } from '../errors/thrown.js';
import { credentialProblem } from './credential-rules.js';
import type {
  ResolveCredentials,
  ResolvedCredentials,
  RtcCredentials,
  RtcCredentialsOption,
  RtcCredentialsProvider,
} from './credentials.js';
import { redactCredentials } from './redact-credentials.js';
import type { Redacted } from '../privacy/redacted.js';

export function isCredentialsProvider(option: unknown): option is RtcCredentialsProvider {
  return typeof (option as Partial<RtcCredentialsProvider> | null)?.resolveCredentials === 'function';
}

/** Brings the option's three forms into two: fixed ones, or how to ask. Fixed ones must have been checked. */
export function readCredentialsOption(
  option: RtcCredentialsOption,
): Redacted<RtcCredentials> | ResolveCredentials {
  if (typeof option === 'function') return () => askProvider(option);
  if (isCredentialsProvider(option)) return () => askProvider(() => option.resolveCredentials());
  return redactCredentials(option);
}

async function askProvider(
  ask: () => RtcCredentials | Promise<RtcCredentials>,
): Promise<ResolvedCredentials> {
  let answer: Partial<Record<keyof RtcCredentials, unknown>>;
  try {
    // Each member once: what is checked is what is used.
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = ((await ask()) ??
      {}) as RtcCredentials;
    answer = { accessKeyId, secretAccessKey, sessionToken, expiration: timeOf(expiration) };
  } catch (error) {
    // A provider's message is left out: it may quote what it was refused with.
    const message = `the provider failed with ${kindOfThrown(error)}`;
    throw new RtcConfigError([{ option: 'credentials', message }]);
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = answer;
  const problems = [
    ...Object.entries({ accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }).map(
      ([name, value]) => ({ name, message: credentialProblem(value) }),
    ),
    { name: 'expiration', message: Number.isNaN(expiration) ? 'is not a time' : undefined },
  ].flatMap(({ name, message }) =>
    message === undefined
      ? []
      : [{ option: `credentials.${name}`, message: `what the provider gave ${message}` }],
  );
  if (problems.length > 0) throw new RtcConfigError(problems);
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: sessionToken || undefined,
    expiration,
  } as ResolvedCredentials;
}

/** Milliseconds since the epoch; NaN for what is no time. A Date may be of another realm. */
function timeOf(expiration: unknown): number | undefined {
  switch (typeof expiration) {
    case 'undefined':
      return undefined;
    case 'string':
    case 'number':
      return new Date(expiration).getTime();
    case 'bigint':
      return new Date(Number(expiration)).getTime();
    default:
      if (expiration === null) return undefined;
      return isDate(expiration) ? Date.prototype.getTime.call(expiration) : Number.NaN;
  }
}
