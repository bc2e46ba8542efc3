/** What `confirmWith()` makes. */
export interface ConfirmedByCallback {
  /** For `createReceiver()`. */
  readonly confirm: (receipts: string) => Promise<void>;
  /** The listener of the SDK's callback. It needs no `this`. */
  readonly onServerMessageSendResult: (msgid: unknown, error: unknown) => void;
}

/**
 * Makes a `confirm` of a `sendServerMessage()` that returns a number, or a promise of it, and whose result comes by the
 * callback `onServerMessageSendResult(msgid, error, …)`, even before the number does: Electron, React Native. It rejects
 * when the text was not sent. It is for one receiver, which sends one text at a time.
 * @param success the SDK's `UserMessageSendResult` for it. Default 0
 */
export function confirmWith(
  send: (receipts: string) => number | string | bigint | PromiseLike<number | string | bigint>,
  success: unknown = 0,
): ConfirmedByCallback {
  let listen: ((msgid: string, error: unknown) => void) | undefined;

  const confirm = async (receipts: string): Promise<void> => {
    const early = new Map<string, unknown>();
    const listenEarly = (msgid: string, error: unknown): void => void early.set(msgid, error);
    listen = listenEarly;
    const msgid = String(await send(receipts));
    if (!(Number(msgid) >= 0)) throw new Error(`sendServerMessage() gave ${msgid}`);
    const result = new Promise((resolve) => {
      if (early.has(msgid)) resolve(early.get(msgid));
      // Otherwise it took so long that another text was sent.
      else if (listen === listenEarly) listen = (other, error) => other === msgid && resolve(error);
    });
    const error = String(await result);
    if (error !== String(success)) throw new Error(`The receipts were not sent: ${error}`);
  };

  return {
    confirm,
    onServerMessageSendResult: (msgid, error) => listen?.(String(msgid), error),
  };
}
