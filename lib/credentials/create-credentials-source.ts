import { CachedCredentials, type CredentialsWatch } from './cached-credentials.js';
import type { ResolveCredentials, RtcCredentials } from './credentials.js';
import type { CredentialsSource } from './credentials-source.js';
import type { Redacted } from '../privacy/redacted.js';

/** @param setting fixed ones, or how to ask for them */
export function createCredentialsSource(
  setting: Redacted<RtcCredentials> | ResolveCredentials,
  watch: CredentialsWatch,
): CredentialsSource {
  if (typeof setting === 'function') return new CachedCredentials(setting, watch);
  return { get: () => setting, replace: () => Promise.resolve(false), status: { state: 'fixed' } };
}
