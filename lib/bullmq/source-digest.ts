import { createHash } from 'node:crypto';

/** The digest of no chunk at all. */
export const NO_CHUNKS = '';

/**
 * The digest of chunks up to this one: so that whoever enqueues a source again, to go on with it after a crash or by
 * mistake, can be told that it is not the same one.
 */
export function nextDigest(before: string, recipients: readonly string[]): string {
  return createHash('sha256').update(before).update('\n').update(recipients.join()).digest('base64url');
}
