import type { RtcCredentials } from './credentials.js';
import type { Redacted } from '../privacy/redacted.js';

/** The client's source of credentials. */
export interface CredentialsSource {
  /** The credentials to sign with now. Rejects with an RtcConfigError if there are none. */
  get(): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials>>;
  /**
   * Replaces credentials that the service refused. Never rejects.
   * @returns whether other credentials are available
   */
  replace(refused: Redacted<RtcCredentials>): Promise<boolean>;
  /** Current state. Reading it does not ask the provider. */
  readonly status: CredentialsStatus;
}

/** State of the credentials. It contains no secret. */
export interface CredentialsStatus {
  /**
   * - `fixed`: an access key from the settings, which is never renewed
   * - `pending`: the next call will ask the provider. It has not been asked yet, or its credentials have expired.
   * - `fresh`: the provider's last answer is in use
   * - `ageing`: the provider has failed since. Its last credentials are still valid.
   * - `unusable`: the provider failed, and there are no valid credentials
   */
  readonly state: 'fixed' | 'pending' | 'fresh' | 'ageing' | 'unusable';
  /** Age of the credentials in hand, in milliseconds. */
  readonly ageMs?: number;
  /** Time until their expiration, in milliseconds. Absent without an expiration. */
  readonly expiresInMs?: number;
  /** How the provider failed, without its message. */
  readonly failure?: string;
}
