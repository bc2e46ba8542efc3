/** Bytes of the prefix, which is ASCII in text and in binary. */
export const FRAME_BYTES = 40;

/** What a prefix begins with: of a message that is to be confirmed, and of one that is only to be shown once. */
export const FRAME_HEADS = { receipt: '[rtc1r:', once: '[rtc1o:' } as const;

/**
 * FNV-1a with 32 bits, of the head with the random part and the message: over the bytes of binary, and over the UTF-16
 * code units of text, which most languages have at hand. It tells a framed message from text that looks framed, and
 * proves nothing: by whom a message is, the service says.
 */
export function checksum(head: string, message: string | Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const units of [head, message]) {
    for (let index = 0; index < units.length; index++) {
      const unit = typeof units === 'string' ? units.charCodeAt(index) : Number(units[index]);
      hash = Math.imul(hash ^ unit, 0x01000193);
    }
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
