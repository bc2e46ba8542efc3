/** What clients send to the business server: `[rtc1c:`, the message IDs one after another, `]`. */
const RECEIPTS = /^\[rtc1c:((?:[\w-]{32}){1,1000})\]$/;

/** Receipts of one text: half of the 64 KB that a client may send. */
export const MAX_RECEIPTS = 1_000;

const ID = /[\w-]{32}/g;

/** @param messageIds at most {@link MAX_RECEIPTS} */
export function writeReceipts(messageIds: readonly string[]): string {
  return `[rtc1c:${messageIds.join('')}]`;
}

/** The message IDs of a text; undefined for every other text. */
export function readReceipts(text: string): string[] | undefined {
  const ids = RECEIPTS.exec(text)?.[1];
  return ids === undefined ? undefined : splitIds(ids);
}

/** Message IDs that stand one after another, with or without something between them. */
export function splitIds(text: string): string[] {
  return text.match(ID) ?? [];
}
