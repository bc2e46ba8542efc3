import { Redacted } from '../privacy/redacted.js';

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

/** A copy of checked credentials, of which the access key's ID alone can be printed. An empty token is none. */
export function redactCredentials({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: RtcCredentials): Redacted<RtcCredentials> {
  return new Redacted(
    { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined },
    `access key ${accessKeyId}`,
  );
}

/** What can be wrong with one credential, told without showing it. Undefined when nothing is. */
export function credentialProblem(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return 'is missing';
  if (typeof value !== 'string') return `must be a string, got ${typeof value}`;
  // They go into a header; a line break at the end is what is left of reading them from a file.
  return /^[\x21-\x7e]+$/.test(value) ? undefined : 'contains white space or characters outside ASCII';
}
