import { RtcConfigError } from '../errors/rtc-config.error.js';
import { kindOfThrown } from '../errors/thrown.js';
import { join } from '../options/option-table.js';
import { Interrupted, TimeBox } from '../waiting/time-box.js';
import { type AskForCredentials, readKeys, type RtcCredentials } from './credentials.js';

/**
 * Asks a provider, and checks its answer.
 * @returns the credentials, with their expiration in milliseconds since the epoch
 * @throws RtcConfigError that quotes nothing from it
 */
export async function askProvider(
  ask: AskForCredentials,
  limitMs: number,
): Promise<RtcCredentials & { readonly expiration: number | undefined }> {
  const box = new TimeBox(limitMs).unref();
  const work = async () => {
    const read = readKeys(Object((await ask()) ?? {}) as object);
    return { ...read, expiration: timeOf(read.keys.expiration) };
  };
  const { keys, problems, expiration } = await box
    .guard(work)
    .catch((error: unknown) => {
      const isLate = error instanceof Interrupted;
      // The provider's message is left out. It may quote a secret.
      const how = isLate ? `did not answer within ${limitMs} ms` : `failed with ${kindOfThrown(error)}`;
      throw new RtcConfigError([{ option: 'credentials', message: `the provider ${how}` }]);
    })
    .finally(() => box.dispose());
  if (Number.isNaN(expiration)) problems.push({ option: 'expiration', message: 'is not a time' });
  if (problems.length === 0) return { ...(keys as RtcCredentials), expiration };
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
