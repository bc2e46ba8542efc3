import { CachedCredentials, type CredentialsWatch } from './cached-credentials.js';
import type { ResolveCredentials, RtcCredentials } from './credentials.js';
import type { CredentialsStatus } from './credentials-status.js';
import { SealedCredentials } from './sealed-credentials.js';

/** Where the client gets what it signs with. */
export interface CredentialsSource {
  /** Those to sign with now. Throws or rejects with an RtcConfigError when there are none. */
  get(): RtcCredentials | Promise<RtcCredentials>;
  /**
   * The service refused these. Never rejects.
   * @returns whether there are others to sign with now
   */
  replace(refused: RtcCredentials): Promise<boolean>;
  /** What there is at present; no one is asked. */
  readonly status: CredentialsStatus;
}

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
