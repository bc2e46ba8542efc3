import type { RtcCredentials } from './credentials.js';
import { Redacted } from '../privacy/redacted.js';

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
