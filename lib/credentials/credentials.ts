import type { ConfigProblem } from '../errors/rtc-config.error.js';
import { readProperties, UNREADABLE } from '../options/read-properties.js';
import { Redacted } from '../privacy/redacted.js';

/** An access key of the vendor. It is temporary if it has a session token. */
export interface RtcCredentials {
  /** The access key's ID. It is sent with each request. */
  readonly accessKeyId: string;
  /** The secret that signs requests. It is never sent, logged or shown in an error. */
  readonly secretAccessKey: string;
  /** The token of a temporary access key. */
  readonly sessionToken?: string | undefined;
  /**
   * When a provider's credentials expire: a Date, an ISO 8601 text with a zone, or milliseconds since the epoch. They
   * are renewed before that. If the provider returns an expiration that has passed, the log warns once and the
   * expiration is ignored.
   */
  readonly expiration?: Date | string | number | undefined;
}

/**
 * A credentials provider. The providers of `@volcengine/sdk-core` fit as they are. Credentials are cached until shortly
 * before their `expiration`, or for about a minute without one.
 */
export interface RtcCredentialsProvider {
  /** Returns the credentials to sign with. Concurrent calls share one request. */
  resolveCredentials(): Promise<RtcCredentials>;
}

/** Asks for credentials. */
export type AskForCredentials = () => RtcCredentials | Promise<RtcCredentials>;

/** Credentials, or where to get them. */
export type RtcCredentialsOption =
  RtcCredentials | RtcCredentialsProvider | (() => RtcCredentials | Promise<RtcCredentials>);

/** The function that asks for the credentials of an option; undefined where these are fixed. */
export function providerOf(option: unknown): AskForCredentials | undefined {
  if (typeof option === 'function') return option as AskForCredentials;
  const provider = option as Partial<RtcCredentialsProvider> | null | undefined;
  if (typeof provider?.resolveCredentials !== 'function') return undefined;
  return () => (provider as RtcCredentialsProvider).resolveCredentials();
}

/** What an object has of an access key, each part read once, and what is wrong with it. */
export function readKeys(given: object): {
  readonly keys: Readonly<Record<keyof RtcCredentials, unknown>>;
  readonly problems: ConfigProblem[];
} {
  const read = readProperties(given, ['accessKeyId', 'secretAccessKey', 'sessionToken', 'expiration']);
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = read ?? {};
  const keys = { accessKeyId, secretAccessKey, sessionToken: sessionToken || undefined };
  const problems = read === undefined ? [{ option: '', message: UNREADABLE }] : keyProblems(keys);
  return { keys: { ...keys, expiration }, problems };
}

/** Copies checked credentials. Only the access key's ID can be printed. An empty token counts as none. */
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

/** What is wrong with the parts of an access key, without showing them. It needs no session token. */
export function keyProblems(keys: Readonly<Record<string, unknown>>): ConfigProblem[] {
  return Object.entries(keys).flatMap(([option, value]) => {
    const message = credentialProblem(value);
    const isLeftOut = option === 'sessionToken' && value === undefined;
    return message === undefined || isLeftOut ? [] : [{ option, message }];
  });
}

function credentialProblem(value: unknown): string | undefined {
  if (value === undefined || value === null) return 'is missing';
  if (value === '') return 'is empty';
  if (typeof value !== 'string') return `must be a string, got ${typeof value}`;
  // Credentials are sent in a header. A line break at the end often comes from a file.
  return /^[\x21-\x7e]+$/.test(value) ? undefined : 'contains white space or characters outside ASCII';
}
