import { isCredentialsProvider } from '../credentials/ask-provider.js';
import { keyProblems, type RtcCredentials, type RtcCredentialsOption } from '../credentials/credentials.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { must, type Rule, wrong } from '../options/rules.js';

const source = must<RtcCredentialsOption>(
  '{ accessKeyId, secretAccessKey }, a function, or an object with resolveCredentials()',
  (given) => typeof given === 'function' || isCredentialsProvider(given),
);

/**
 * All parts of the credentials come from one place. Half a key from the code would not match the other half from the
 * environment.
 */
export const credentials: Rule<RtcCredentialsOption> = (given, isVariable) => {
  const asSource = source(given);
  if ('value' in asSource || typeof given !== 'object' || given === null) return asSource;
  const parts = readProperties(given, ['accessKeyId', 'secretAccessKey', 'sessionToken']);
  if (parts === undefined) return wrong(UNREADABLE);
  const { accessKeyId, secretAccessKey, sessionToken } = parts;
  const keys = { accessKeyId, secretAccessKey, sessionToken: sessionToken === '' ? undefined : sessionToken };
  const half = ' in the options, and parts of credentials are not taken from the environment';
  const problems = keyProblems(keys).map(({ option, message }) => ({
    option,
    message: parts[option] || isVariable ? message : message + half,
  }));
  return problems.length > 0 ? { problems } : { value: keys as RtcCredentials };
};
