import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether two texts are the same. The time that it takes does not depend on where they differ. */
export function isSameText(one: string, other: string): boolean {
  // Digests have one length, as timingSafeEqual requires.
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
