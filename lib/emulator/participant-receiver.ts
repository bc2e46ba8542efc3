import { setTimeout as sleep } from 'node:timers/promises';
import { createReceiver } from '../receiver/create-receiver.js';
import { failWith, readOptions } from '../options/read-options.js';
import { callback, must } from '../options/rules.js';
import type { OptionTable } from '../options/option-table.js';
import type { Participant, ReceivedMessage } from './participant.js';
import type { Warnings } from './warnings.js';

/** How the app of a participant receives, which uses `nestjs-rtc-messaging/receiver`. */
export interface ParticipantReceiver {
  /** Whether a message is lost on its way, so that it is neither delivered nor counted. Default: none is. */
  readonly loses?: ((message: ReceivedMessage) => boolean) | undefined;
  /** How long each of its receipts takes to leave, in milliseconds; `Infinity` for never. Default 0. */
  readonly confirmAfterMs?: number | undefined;
}

const MAX_SHOWN = 10_000;

const TABLE = {
  loses: callback<NonNullable<ParticipantReceiver['loses']>>(),
  confirmAfterMs: must<number>(
    'a number of milliseconds from 0, or Infinity',
    (given) => Number(given) >= 0 && typeof given === 'number',
  ),
} satisfies OptionTable<ParticipantReceiver>;

/** @throws TypeError naming each option that can't be used */
export function checkReceiver(
  given: boolean | ParticipantReceiver | undefined,
): ParticipantReceiver | undefined {
  if (given === undefined || given === false) return undefined;
  const { values, problems } = readOptions(TABLE, given === true ? {} : given, 'receiver');
  failWith(problems);
  return values;
}

/** Has a participant's app use the receiver, as a client of today would. */
export function useReceiver(
  participant: Participant,
  { loses, confirmAfterMs = 0 }: ParticipantReceiver,
  warnings: Warnings,
): void {
  participant.loses = (message) => {
    try {
      return loses?.(message) === true;
    } catch {
      const { userId } = participant;
      const text = `loses() of the receiver of ${userId} threw. The message is not lost.`;
      warnings.warn(`loses: ${userId}`, () => text);
      return false;
    }
  };
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
