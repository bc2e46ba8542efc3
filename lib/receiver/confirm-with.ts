import { CONFIRM_MS, needFunctions, within } from './limits.js';

/** A message's number, as SDKs give it. */
export type ServerMessageId = number | string | bigint;

/** A `confirm` for `createReceiver()`, and what it has to hear. */
export interface ResultConfirmation {
  /** Sends a text. It rejects when the text was not sent, or when no result has come within 10 s. */
  readonly confirm: (receipts: string) => Promise<void>;
  /** The listener of the SDK's callback of that name. It needs no `this`. */
  readonly onServerMessageSendResult: (msgid: unknown, error: unknown) => void;
}

/**
 * Makes a `confirm` of a `sendServerMessage()` that returns a number, or a promise of it, and whose result comes by the
 * callback `onServerMessageSendResult(msgid, error, …)`, even before the number does: Electron, React Native.
 * @param success the SDK's `UserMessageSendResult` for it. Default 0
 */
export function confirmWith(
  send: (receipts: string) => ServerMessageId | PromiseLike<ServerMessageId>,
  success: unknown = 0,
): ResultConfirmation {
  needFunctions({ send });
  /** Of each text that is under way. */
  const listeners = new Set<(msgid: string, error: unknown) => void>();

  const confirm = async (receipts: string): Promise<void> => {
    const results = new Map<string, unknown>();
    let check: (() => unknown) | undefined;
    const listen = (msgid: string, error: unknown): void => {
      results.set(msgid, error);
      check?.();
    };
    listeners.add(listen);
    try {
      await within(CONFIRM_MS, async () => {
        const given: ServerMessageId | undefined = await send(receipts);
        if (given === undefined || Number(given) < 0) throw new Error(`sendServerMessage() gave ${given}`);
        const msgid = String(given);
        await new Promise<void>((resolve) => {
          check = () => results.has(msgid) && resolve();
          check();
        });
        const error = String(results.get(msgid));
        if (error !== String(success)) throw new Error(`The receipts were not sent: ${error}`);
      });
    } finally {
      listeners.delete(listen);
    }
  };

  return {
    confirm,
    onServerMessageSendResult: (msgid, error) => {
      for (const listen of listeners) listen(String(msgid), error);
    },
  };
}
