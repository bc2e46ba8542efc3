import {
  providerOf,
  readKeys,
  type RtcCredentials,
  type RtcCredentialsOption,
} from '../credentials/credentials.js';
import { must, type Rule } from '../options/rules.js';

const provider = must<RtcCredentialsOption>(
  '{ accessKeyId, secretAccessKey }, a function, or an object with resolveCredentials()',
  (given) => providerOf(given),
);

/**
 * All parts of the credentials come from one place. Half a key from the code would not match the other half from the
 * environment.
 */
export const credentials: Rule<RtcCredentialsOption> = (given, isVariable) => {
  const asProvider = provider(given);
  if ('value' in asProvider || typeof given !== 'object' || given === null) return asProvider;
  const { keys, problems } = readKeys(given);
  if (problems.length === 0) return { value: keys as RtcCredentials };
  const half = ' in the options, and parts of credentials are not taken from the environment';
  return {
    problems: problems.map(({ option, message }) => ({
      option,
      message: isVariable || !/^is (missing|empty)$/.test(message) ? message : message + half,
    })),
  };
};
