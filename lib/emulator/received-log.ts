import type { Participant, ReceivedMessage } from './participant.js';

/** What a message takes up beside its content, and for each who received it. */
const MESSAGE_BYTES = 512;
const RECIPIENT_BYTES = 64;

interface Entry {
  readonly message: ReceivedMessage;
  readonly participants: readonly Participant[];
  readonly bytes: number;
}

/** What participants have received, over all of them: beyond so many bytes, the oldest is dropped. */
export class ReceivedLog {
  /** Oldest first. */
  readonly #entries: Entry[] = [];
  #bytes = 0;
  #dropped = 0;

  constructor(private readonly maxBytes: number) {}

  /** How many messages are no longer in a participant's `received`, each counted for each participant. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Notes what these participants have received. */
  add(message: ReceivedMessage, participants: readonly Participant[]): void {
    const { message: content } = message;
    // A string may have two bytes for each of its units.
    const size = typeof content === 'string' ? content.length * 2 : content.byteLength;
    const bytes = MESSAGE_BYTES + size + participants.length * RECIPIENT_BYTES;
    this.#entries.push({ message, participants, bytes });
    this.#bytes += bytes;
    if (this.#bytes > this.maxBytes) this.#drop();
  }

  clear(): void {
    this.#entries.length = this.#bytes = this.#dropped = 0;
  }

  /** More than one at a time, since all the others move up. */
  #drop(): void {
    let entries = 0;
    const dropped = new Map<Participant, number>();
    for (const { message, participants, bytes } of this.#entries) {
      if (this.#bytes <= this.maxBytes * 0.9) break;
      this.#bytes -= bytes;
      entries += 1;
      for (const participant of participants) {
        const before = dropped.get(participant) ?? 0;
        // A test may have emptied its participant's list by itself.
        if (participant.received[before] === message) dropped.set(participant, before + 1);
      }
    }
    this.#entries.splice(0, entries);
    for (const [participant, count] of dropped) {
      participant.forget(count);
      this.#dropped += count;
    }
  }
}
