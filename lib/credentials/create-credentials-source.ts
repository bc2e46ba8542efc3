import { CachedCredentials, type CredentialsWatch } from './cached-credentials.js';
import type { ResolveCredentials } from './credentials.js';
import type { CredentialsSource } from './credentials-source.js';
import { SealedCredentials } from './sealed-credentials.js';

/** @param setting fixed ones, or how to ask for them */
export function createCredentialsSource(
  setting: SealedCredentials | ResolveCredentials,
  watch: CredentialsWatch,
): CredentialsSource {
  if (setting instanceof SealedCredentials) {
    return { get: () => setting, replace: () => Promise.resolve(false), status: { state: 'fixed' } };
  }
  return new CachedCredentials(setting, watch);
}
