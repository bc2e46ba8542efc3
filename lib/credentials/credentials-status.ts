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
