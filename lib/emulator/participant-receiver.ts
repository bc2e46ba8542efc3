import { setTimeout as sleep } from 'node:timers/promises';
import { createReceiver } from '../receiver/create-receiver.js';
import type { Participant, ParticipantReceiver } from './participant.js';

const MAX_SHOWN = 10_000;

/** Has a participant's app use the receiver, as a client of today would. */
export function useReceiver(participant: Participant, { confirmAfterMs = 0 }: ParticipantReceiver): void {
  // All that is delivered here comes from the business server, under whatever user ID it takes.
  const from: string[] = [];
  const { receive, close } = createReceiver({
    from,
    confirm: async (receipts) => {
      if (confirmAfterMs === Infinity) return;
      if (confirmAfterMs > 0) await sleep(confirmAfterMs, undefined, { ref: false });
      const { error } = await participant.sendServerMessage(receipts);
      if (error !== 'Success') throw new Error(error);
    },
    onMessage: (message) => {
      const { shown } = participant;
      shown.push(message);
      if (shown.length > MAX_SHOWN) shown.shift();
      participant.emit('shown', message);
    },
  });
  participant.on('received', (received) => {
    if (!from.includes(received.from)) from.push(received.from);
    receive(received.from, received.message);
  });
  participant.once('left', close);
}
