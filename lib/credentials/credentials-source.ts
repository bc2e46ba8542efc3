import type { RtcCredentials } from './credentials.js';
import type { Redacted } from '../privacy/redacted.js';

/** Where the client gets what it signs with. */
export interface CredentialsSource {
  /** Those to sign with now. Rejects with an RtcConfigError when there are none. */
  get(): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials>>;
  /**
   * The service refused these. Never rejects.
   * @returns whether there are others to sign with now
   */
  replace(refused: Redacted<RtcCredentials>): Promise<boolean>;
  /** What there is at present; no one is asked. */
  readonly status: CredentialsStatus;
}

/** What there is to sign with. Nothing of it is told. */
export interface CredentialsStatus {
  /**
   * - `fixed`: an access key from the settings, which no one renews
   * - `pending`: the provider will be asked by the next call; it has not been, or what it gave has run out since
   * - `fresh`: what the provider gave last
   * - `ageing`: the provider failed since; those in hand go on serving
   * - `unusable`: the provider failed, and there is nothing else to sign with
   */
  readonly state: 'fixed' | 'pending' | 'fresh' | 'ageing' | 'unusable';
  /** How long ago the provider gave those in hand, in milliseconds. */
  readonly ageMs?: number;
  /** How long it is until they expire, in milliseconds, by the service's clock, if they do. */
  readonly expiresInMs?: number;
  /** How the provider failed, and nothing that it said. */
  readonly failure?: string;
}
