/** Bytes of the prefix, which is ASCII in text and in binary. */
export const FRAME_BYTES = 40;

/** What a prefix begins with: of a message that is to be confirmed, and of one that is only to be shown once. */
export const FRAME_HEADS = { receipt: '[rtc1r:', once: '[rtc1o:' } as const;

/** What the digest covers beside the message: the kind, the random part, and the sender, by whom no user can pass. */
export function digestContext(head: string, from: string): string {
  return `${head}${from}\n`;
}
