/** An access key of the vendor's, temporary when it has a session token. */
export interface RtcCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

/**
 * Anything that can be asked for credentials: the providers of `@volcengine/sdk-core` fit as they are.
 * It is asked before each request, so it should keep what it has got until that expires.
 */
export interface RtcCredentialsProvider {
  resolveCredentials(): Promise<RtcCredentials>;
}

/** Credentials, or where to get them. */
export type RtcCredentialsOption =
  RtcCredentials | RtcCredentialsProvider | (() => RtcCredentials | Promise<RtcCredentials>);

/** The one form in which the client asks. */
export type ResolveCredentials = () => Promise<RtcCredentials> | RtcCredentials;
