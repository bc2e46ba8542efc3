import type { RtcCredentials } from './credentials.js';
import type { CredentialsStatus } from './credentials-status.js';
import type { Redacted } from '../privacy/redacted.js';

/** Where the client gets what it signs with. */
export interface CredentialsSource {
  /** Those to sign with now. Throws or rejects with an RtcConfigError when there are none. */
  get(): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials>>;
  /**
   * The service refused these. Never rejects.
   * @returns whether there are others to sign with now
   */
  replace(refused: Redacted<RtcCredentials>): Promise<boolean>;
  /** What there is at present; no one is asked. */
  readonly status: CredentialsStatus;
}
