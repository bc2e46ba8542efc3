import { createHash } from 'node:crypto';
import type { FanOutRequest } from '../fan-out/fan-out-request.js';
import type { WireMessage } from '../services/wire-message.js';

/** The digest of no chunk at all. */
export const NO_CHUNKS = '';

/**
 * The digest of chunks up to this one: so that whoever goes on with a source after a crash can be told that it is
 * not the same one.
 */
export function nextDigest(before: string, recipients: readonly string[]): string {
  return createHash('sha256').update(before).update('\n').update(recipients.join()).digest('base64url');
}

/** Of everything of a request but its recipients. */
export function requestFingerprint(
  { roomId, from }: Pick<FanOutRequest, 'roomId' | 'from'>,
  { Binary, Message }: WireMessage,
): string {
  return createHash('sha256')
    .update(JSON.stringify([roomId, from ?? null, Binary, Message]))
    .digest('base64url');
}
