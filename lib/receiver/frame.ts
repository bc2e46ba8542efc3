// The prefix of messages, and the text of receipts: for the server and its clients.

/** Bytes of the prefix, which is ASCII in text and in binary. */
export const FRAME_BYTES = 40;
/** Receipts of one text: half of the 64 KB that a client may send. */
export const MAX_RECEIPTS = 1_000;

/** `[rtc1r:` of a message that is to be confirmed, `[rtc1o:` of one that is only to be shown once; the message ID; `]`. */
const FRAME = /^\[rtc1([ro]):([\w-]{24}[\da-f]{8})\]$/;
const RECEIPTS = /^\[rtc1c:((?:[\w-]{32}){1,1000})\]$/;
/** Of a message: IDs may stand one after another, with or without something between them. */
export const MESSAGE_ID = /[\w-]{32}/g;

/** The messages that client SDKs hand on. */
export type ClientMessage = string | ArrayBuffer | Uint8Array;

/**
 * The prefix of a message. Its ID is the random part and a checksum of all, which tells a framed message from text that
 * looks framed: FNV-1a with 32 bits, over the bytes of binary and over the UTF-16 code units of text, which most
 * languages have at hand. It proves nothing: by whom a message is, the service says.
 * @param random 24 of `a-z A-Z 0-9 _ -`
 */
export function framePrefix(isReceiptWanted: boolean, random: string, message: string | Uint8Array): string {
  const head = `[rtc1${isReceiptWanted ? 'r' : 'o'}:${random}`;
  let hash = 0x811c9dc5;
  for (const units of [head, message]) {
    for (let index = 0; index < units.length; index++) {
      const unit = typeof units === 'string' ? units.charCodeAt(index) : Number(units[index]);
      hash = Math.imul(hash ^ unit, 0x01000193);
    }
  }
  return `${head}${(hash >>> 0).toString(16).padStart(8, '0')}]`;
}

/**
 * Takes the prefix off a message, and leaves its type. Foreign text is not taken for a framed message, and neither is a
 * prefix that another message had.
 * @returns undefined for everything that was not framed, or can't be read
 */
export function unframe(message: ClientMessage) {
  try {
    const start = message.slice(0, FRAME_BYTES);
    const prefix = typeof start === 'string' ? start : String.fromCharCode(...new Uint8Array(start));
    const [, kind, messageId] = FRAME.exec(prefix) ?? [];
    if (messageId === undefined) return undefined;
    const content = message.slice(FRAME_BYTES);
    const isReceiptWanted = kind === 'r';
    const units = typeof content === 'string' ? content : new Uint8Array(content);
    if (framePrefix(isReceiptWanted, messageId.slice(0, 24), units) !== prefix) return undefined;
    return { messageId, isReceiptWanted, message: content };
  } catch {
    return undefined;
  }
}

/** @param messageIds at most {@link MAX_RECEIPTS} */
export function writeReceipts(messageIds: readonly string[]): string {
  return `[rtc1c:${messageIds.join('')}]`;
}

/** The message IDs of a text; undefined for every other text. */
export function readReceipts(text: string): string[] | undefined {
  return RECEIPTS.exec(text)?.[1]?.match(MESSAGE_ID) ?? undefined;
}
