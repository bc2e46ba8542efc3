import { credentialProblem } from '../credentials/credentials.js';
import type { ResolveCredentials, RtcCredentials } from '../credentials/credentials.js';
import { isCredentialsProvider, readCredentialsOption } from '../credentials/ask-provider.js';
import type { Redacted } from '../privacy/redacted.js';
import type { OptionPath } from './environment.js';
import type { SettingsReader } from './settings-reader.js';

/**
 * Credentials come from one place as a whole: half a key from the code and half from the environment would
 * fit each other only by accident.
 */
export function readCredentials(
  reader: SettingsReader,
  given: unknown,
): Redacted<RtcCredentials> | ResolveCredentials | undefined {
  if (reader.isRefused('credentials')) return undefined;
  if (typeof given === 'function') return readCredentialsOption(given as () => RtcCredentials);
  if (isCredentialsProvider(given)) return readCredentialsOption(given);
  if (given !== undefined && (typeof given !== 'object' || given === null)) {
    reader.problems.push({
      option: 'credentials',
      message: 'must be { accessKeyId, secretAccessKey }, a function, or an object with resolveCredentials()',
    });
    return undefined;
  }
  const { environment } = reader;
  const credentials = (given ?? {
    accessKeyId: environment['credentials.accessKeyId'],
    secretAccessKey: environment['credentials.secretAccessKey'],
    sessionToken: environment['credentials.sessionToken'],
  }) as RtcCredentials;

  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const temporary = sessionToken !== undefined && sessionToken !== '';
  const problems = [
    noteProblem(reader, 'credentials.accessKeyId', accessKeyId, given !== undefined),
    noteProblem(reader, 'credentials.secretAccessKey', secretAccessKey, given !== undefined),
    temporary && noteProblem(reader, 'credentials.sessionToken', sessionToken, given !== undefined),
  ];
  return problems.includes(true) ? undefined : readCredentialsOption(credentials);
}

function noteProblem(reader: SettingsReader, path: OptionPath, value: unknown, isOption: boolean): boolean {
  const problem = credentialProblem(value);
  if (problem === undefined) return false;
  const isHalf = isOption && !value;
  reader.reject(
    path,
    isHalf
      ? `${problem} in the options, and parts of credentials are not taken from the environment`
      : problem,
  );
  return true;
}
