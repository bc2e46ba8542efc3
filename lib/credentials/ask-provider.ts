import { RtcConfigError } from '../errors/rtc-config.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import { join } from '../options/option-table.js';
import { readKeys, type ResolvedCredentials, type RtcCredentials } from './credentials.js';

/**
 * Asks a provider, and checks its answer.
 * @throws RtcConfigError that quotes nothing from it
 */
export async function askProvider(
  ask: () => RtcCredentials | Promise<RtcCredentials>,
): Promise<ResolvedCredentials> {
  let read: ReturnType<typeof readKeys>;
  let expiration: number | undefined;
  try {
    read = readKeys(Object((await ask()) ?? {}) as object);
    expiration = timeOf(read.keys.expiration);
  } catch (error) {
    // The provider's message is left out. It may quote a secret.
    const message = `the provider failed with ${kindOfThrown(error)}`;
    throw new RtcConfigError([{ option: 'credentials', message }]);
  }
  const problems = Number.isNaN(expiration)
    ? [...read.problems, { option: 'expiration', message: 'is not a time' }]
    : read.problems;
  if (problems.length === 0) return { ...(read.keys as RtcCredentials), expiration };
  throw new RtcConfigError(
    problems.map(({ option, message }) => ({
      option: join('credentials', option),
      message: `what the provider gave ${message}`,
    })),
  );
}

/** Milliseconds since the epoch, or NaN if it is no time. */
function timeOf(expiration: unknown): number | undefined {
  if (expiration === undefined || expiration === null) return undefined;
  return new Date(expiration as Date | string | number).getTime();
}
