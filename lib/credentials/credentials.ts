/** An access key of the vendor's, temporary when it has a session token. */
export interface RtcCredentials {
  /** The access key's ID, which is sent with each request. */
  readonly accessKeyId: string;
  /** Its secret, which signs requests and is never sent, logged or shown in an error. */
  readonly secretAccessKey: string;
  /** The token of a temporary access key. */
  readonly sessionToken?: string | undefined;
  /**
   * When a provider's credentials end: a Date, an ISO 8601 text with a zone, or milliseconds since the epoch.
   * They are renewed before that. One that has passed when they are given is told once in the log, and not gone by.
   */
  readonly expiration?: Date | string | number | undefined;
}

/**
 * Anything that can be asked for credentials: the providers of `@volcengine/sdk-core` fit as they are.
 * What it gives is kept until shortly before its `expiration`; without one, for about a minute.
 */
export interface RtcCredentialsProvider {
  /** Gives the credentials to sign with. However many calls wait for them, it is asked once. */
  resolveCredentials(): Promise<RtcCredentials>;
}

/** Credentials, or where to get them. */
export type RtcCredentialsOption =
  RtcCredentials | RtcCredentialsProvider | (() => RtcCredentials | Promise<RtcCredentials>);

/** What a provider gave, checked; `expiration` is in milliseconds since the epoch. */
export interface ResolvedCredentials extends RtcCredentials {
  readonly expiration: number | undefined;
}

/** Asks a provider. Rejects with an RtcConfigError that quotes nothing of what it said. */
export type ResolveCredentials = () => Promise<ResolvedCredentials>;
