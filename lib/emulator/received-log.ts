import { BoundedList } from './bounded-list.js';
import type { Participant, ReceivedMessage } from './participant.js';

/** What a message takes up beside its content, and for each who received it. */
const MESSAGE_BYTES = 512;
const RECIPIENT_BYTES = 64;

interface Entry {
  readonly message: ReceivedMessage;
  readonly participants: readonly Participant[];
}

/** What participants have received, over all of them: beyond so many bytes, the oldest is dropped. */
export class ReceivedLog {
  readonly #entries: BoundedList<Entry>;
  /** How many messages are no longer in a participant's `received`, each counted for each participant. */
  dropped = 0;

  constructor(maxBytes: number) {
    this.#entries = new BoundedList(maxBytes, (entries) => this.#drop(entries));
  }

  /** Notes what these participants have received. */
  add(message: ReceivedMessage, participants: readonly Participant[]): void {
    const { message: content } = message;
    // A string may have two bytes for each of its units.
    const size = typeof content === 'string' ? content.length * 2 : content.byteLength;
    this.#entries.add(
      { message, participants },
      MESSAGE_BYTES + size + participants.length * RECIPIENT_BYTES,
    );
  }

  clear(): void {
    this.#entries.clear();
    this.dropped = 0;
  }

  #drop(entries: readonly Entry[]): void {
    const dropped = new Map<Participant, number>();
    for (const { message, participants } of entries) {
      for (const participant of participants) {
        const before = dropped.get(participant) ?? 0;
        // A test may have emptied its participant's list by itself.
        if (participant.received[before] === message) dropped.set(participant, before + 1);
      }
    }
    for (const [participant, count] of dropped) {
      participant.forget(count);
      this.dropped += count;
    }
  }
}
