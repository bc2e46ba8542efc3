import { setTimeout as sleep } from 'node:timers/promises';
import { createReceiver, type ReceiverStorage } from '../receiver/create-receiver.js';
import type { Participant, ReceivedMessage } from './participant.js';

/** How the app of a participant receives, which uses `nestjs-rtc-messaging/receiver`. */
export interface ParticipantReceiver {
  /** Whose messages may have a prefix, as in `createReceiver()`. Default: the sender of `moduleOptions()`. */
  readonly from?: string | readonly string[] | undefined;
  /** Keeps over restarts (another `join()`) which messages were shown, as in `createReceiver()`. Default: nothing does. */
  readonly storage?: ReceiverStorage | undefined;
  /**
   * Whether a message is lost on its way, so that it is neither delivered nor counted. If it throws, the
   * message is not lost, and the error surfaces as an unhandled rejection. Default: none is.
   */
  readonly loses?: ((message: ReceivedMessage) => boolean) | undefined;
  /**
   * How long its app takes to be done with a message, which is confirmed then, in milliseconds up to 2,147,483,647 (24
   * days); `Infinity` for never. Default 0.
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
  if (loses !== undefined) participant.loses = loses;
  const { receive, close } = createReceiver({
    from: from ?? server,
    confirm: async (receipts) => {
      const { error } = await participant.sendServerMessage(receipts);
      if (error !== 'Success') throw new Error(error);
    },
    onMessage: async (message) => {
      const { shown } = participant;
      shown.push(message);
      if (shown.length > MAX_SHOWN) shown.shift();
      participant.emit('shown', message);
      // An app that is slow: the receiver confirms what it was done with.
      if (confirmAfterMs === Infinity) await new Promise(() => undefined);
      if (confirmAfterMs > 0) await sleep(confirmAfterMs, undefined, { ref: false });
    },
    storage,
  });
  participant.on('received', (received) => receive(received.from, received.message));
  participant.once('closed', close);
}
