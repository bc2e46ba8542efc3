import { checksum, FRAME_BYTES } from './frame-layout.js';

/** `[rtc1r:`, the message ID, `]`. The ID is 24 random characters and 8 of the checksum. */
const FRAME = /^(\[rtc1([ro]):([\w-]{24}))([\da-f]{8})\]$/;

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
 * message had.
 * @returns undefined for everything that was not framed
 * @throws for what can't be read, such as a buffer that was handed to another thread
 */
export function unframe(message: unknown): Unframed | undefined {
  if (!isClientMessage(message)) return undefined;
  const start = message.slice(0, FRAME_BYTES);
  const prefix = typeof start === 'string' ? start : String.fromCharCode(...new Uint8Array(start));
  const [, head = '', mode, random = '', sum] = FRAME.exec(prefix) ?? [];
  if (sum === undefined) return undefined;
  const rest = message.slice(FRAME_BYTES);
  if (checksum(head, typeof rest === 'string' ? rest : new Uint8Array(rest)) !== sum) return undefined;
  return { messageId: random + sum, isReceiptWanted: mode === 'r', message: rest };
}

/** A buffer is recognised by its name, since it may come from another realm. */
function isClientMessage(message: unknown): message is ClientMessage {
  return (
    typeof message === 'string' ||
    Object.prototype.toString.call(message) === '[object ArrayBuffer]' ||
    (ArrayBuffer.isView(message) && (message as Uint8Array).BYTES_PER_ELEMENT === 1)
  );
}
