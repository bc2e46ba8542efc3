import { digestContext, FRAME_BYTES } from './frame-layout.js';
import { sha256 } from './sha-256.js';

/** `[rtc1r:`, the message ID, `]`. The ID is 16 random characters and 16 of the digest. */
const FRAME = /^(\[rtc1([ro]):([\w-]{16}))([\da-f]{16})\]$/;

/** The messages that client SDKs hand on. */
export type ClientMessage = string | ArrayBuffer | Uint8Array;

/** What was in a frame. */
interface Unframed {
  readonly messageId: string;
  readonly isReceiptWanted: boolean;
  /** In the type in which it came. */
  readonly message: ClientMessage;
}

/**
 * Takes the prefix off a message. Foreign text is not taken for a framed message, and neither is a prefix that another
 * sender or another message had.
 * @returns undefined for everything that was not framed
 */
export function unframe(from: unknown, message: unknown): Unframed | undefined {
  if (!isClientMessage(message)) return undefined;
  const start = message.slice(0, FRAME_BYTES);
  const prefix = typeof start === 'string' ? start : String.fromCharCode(...new Uint8Array(start));
  const [, head = '', mode, random = '', digest] = FRAME.exec(prefix) ?? [];
  if (digest === undefined) return undefined;
  const rest = message.slice(FRAME_BYTES);
  try {
    const context = utf8(digestContext(head, String(from)));
    const content = typeof rest === 'string' ? utf8(rest) : new Uint8Array(rest);
    if (digestOf(context, content) !== digest) return undefined;
  } catch {
    // Half of a surrogate pair has no UTF-8 form, and so was never sent.
    return undefined;
  }
  return { messageId: random + digest, isReceiptWanted: mode === 'r', message: rest };
}

/** A buffer is recognised by its name, since it may come from another realm. */
function isClientMessage(message: unknown): message is ClientMessage {
  return (
    typeof message === 'string' ||
    Object.prototype.toString.call(message) === '[object ArrayBuffer]' ||
    (ArrayBuffer.isView(message) && (message as Uint8Array).BYTES_PER_ELEMENT === 1)
  );
}

/** `TextEncoder` is not everywhere. @throws URIError for half of a surrogate pair */
function utf8(text: string): Uint8Array {
  const latin1 = encodeURIComponent(text).replace(/%(..)/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Uint8Array.from(latin1, (byte) => byte.charCodeAt(0));
}

/** The first 64 bits. */
function digestOf(context: Uint8Array, content: Uint8Array): string {
  const all = new Uint8Array(context.length + content.length);
  all.set(context);
  all.set(content, context.length);
  const words = sha256(all).slice(0, 2);
  return words.map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
