import { RtcConfigError } from '../errors/rtc-config.error.js';
import { credentialProblem } from './credential-rules.js';
import type {
  ResolveCredentials,
  RtcCredentials,
  RtcCredentialsOption,
  RtcCredentialsProvider,
} from './credentials.js';
import { SealedCredentials } from './sealed-credentials.js';

export function isCredentialsProvider(option: unknown): option is RtcCredentialsProvider {
  return typeof (option as Partial<RtcCredentialsProvider> | null)?.resolveCredentials === 'function';
}

/** Brings the three forms of the option into one. Static credentials must have been checked. */
export function toResolveCredentials(option: RtcCredentialsOption): ResolveCredentials {
  if (typeof option === 'function') return () => askProvider(option);
  if (isCredentialsProvider(option)) return () => askProvider(() => option.resolveCredentials());
  const sealed = new SealedCredentials(option);
  return () => sealed;
}

async function askProvider(ask: () => RtcCredentials | Promise<RtcCredentials>): Promise<RtcCredentials> {
  let answer: unknown;
  try {
    answer = await ask();
  } catch (error) {
    // A provider's message is left out: it may quote what it was refused with.
    const kind = error instanceof Error ? error.name : typeof error;
    throw new RtcConfigError([{ option: 'credentials', message: `the provider failed with ${kind}` }]);
  }
  const { accessKeyId, secretAccessKey, sessionToken } = (answer ?? {}) as Partial<RtcCredentials>;
  const problems = Object.entries({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) })
    .map(([option, value]) => ({ option: `credentials.${option}`, message: credentialProblem(value) }))
    .flatMap(({ option, message }) =>
      message === undefined ? [] : [{ option, message: `what the provider gave ${message}` }],
    );
  if (problems.length > 0) throw new RtcConfigError(problems);
  return { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined } as RtcCredentials;
}
