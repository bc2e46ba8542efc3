import { createHash } from 'node:crypto';

/** The digest of no chunk at all. */
export const NO_CHUNKS = '';

/**
 * The digest of chunks up to this one: so that whoever enqueues a source again, to go on with it after a crash or by
 * mistake, can be told that it is not the same one.
 * @param recipients joined by commas
 */
export function nextDigest(before: string, recipients: string): string {
  return createHash('sha256').update(before).update('\n').update(recipients).digest('base64url');
}
