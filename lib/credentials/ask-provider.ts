import { RtcConfigError } from '../errors/rtc-config.error.js';
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
  let answer: unknown;
  try {
    answer = await ask();
  } catch (error) {
    // A provider's message is left out: it may quote what it was refused with.
    const name = error instanceof Error ? error.name : typeof error;
    const kind = /^\w{1,64}$/.test(name) ? name : 'an error';
    throw new RtcConfigError([{ option: 'credentials', message: `the provider failed with ${kind}` }]);
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = (answer ??
    {}) as Partial<RtcCredentials>;
  const end = expiration === undefined || expiration === null ? undefined : new Date(expiration).getTime();
  const problems = [
    ...Object.entries({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }).map(
      ([name, value]) => ({ name, message: credentialProblem(value) }),
    ),
    { name: 'expiration', message: Number.isNaN(end) ? 'is not a time' : undefined },
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
    expiration: end,
  } as ResolvedCredentials;
}
