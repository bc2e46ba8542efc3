import { createConfirmations } from '../receiver/confirmations.js';
import { createReceiver } from '../receiver/create-receiver.js';
import { readReceipts } from '../receiver/receipt-text.js';
import type { ReceiverStorage } from '../receiver/seen-storage.js';
import type { Participant, ReceivedMessage } from './participant.js';

/** How the app of a participant receives, which uses `nestjs-rtc-messaging/receiver`. */
export interface ParticipantReceiver {
  /** Whose messages may have a prefix, as in `createReceiver()`. Default: the sender of `moduleOptions()`. */
  readonly from?: string | readonly string[] | undefined;
  /** Keeps over restarts (another `join()`) which messages were shown, as in `createReceiver()`. Default: nothing does. */
  readonly storage?: ReceiverStorage | undefined;
  /** Whether a message is lost on its way, so that it is neither delivered nor counted. Default: none is. */
  readonly loses?: ((message: ReceivedMessage) => boolean) | undefined;
  /**
   * How long its receipts wait before they leave, in milliseconds up to 2,147,483,647 (24 days); `Infinity` for never.
   * They leave once, and again if they did not arrive. Default 0.
   */
  readonly confirmAfterMs?: number | undefined;
}

const MAX_SHOWN = 10_000;

/**
 * Has a participant's app use the receiver, as a client of today would.
 * @param server the sender of `moduleOptions()`
 */
export function useReceiver(
  participant: Participant,
  { from, storage, loses, confirmAfterMs = 0 }: ParticipantReceiver,
  server: string,
): void {
  participant.loses = (message) => {
    try {
      return loses?.(message) === true;
    } catch {
      const problem = `loses() of the receiver of ${participant.userId} threw. It is not asked again.`;
      process.emitWarning(problem, 'RtcEmulatorWarning');
      return (participant.loses = () => false)();
    }
  };
  const send = async (receipts: string): Promise<void> => {
    const { error } = await participant.sendServerMessage(receipts);
    if (error !== 'Success') throw new Error(error);
  };
  // The receiver waits for ten seconds alone, so late receipts leave it at once.
  const late = createConfirmations(send);
  const confirmLate = (receipts: string): void => {
    if (confirmAfterMs === Infinity) return;
    setTimeout(() => readReceipts(receipts)?.forEach(late.add), confirmAfterMs).unref();
  };
  const { receive, close } = createReceiver({
    from: from ?? server,
    confirm: confirmAfterMs === 0 ? send : confirmLate,
    onMessage: (message) => {
      const { shown } = participant;
      shown.push(message);
      if (shown.length > MAX_SHOWN) shown.shift();
      participant.emit('shown', message);
    },
    storage,
  });
  participant.on('received', (received) => receive(received.from, received.message));
  participant.once('left', () => {
    void close();
    void late.close();
  });
}
