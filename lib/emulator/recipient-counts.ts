import { hash } from 'node:crypto';
import { BoundedList } from './bounded-list.js';
import type { EmulatedMessage } from './read-message.js';

/** A user who got the same message more than once. */
export interface Duplicate {
  /** Absent for messages outside of rooms. */
  readonly roomId?: string;
  /** Who got it. */
  readonly userId: string;
  /** SHA-256 of the message, in hexadecimal. */
  readonly messageSha256: string;
  /** How often: 2 or more. */
  readonly times: number;
}

export type CountedMessage = Pick<EmulatedMessage, 'roomId' | 'from' | 'message'>;

/** A message and the users who got it. */
interface Sending {
  readonly place: { readonly roomId?: string };
  readonly messageSha256: string;
  /** What else makes it the same message. */
  readonly key: string;
  /** User IDs, by comma. */
  readonly to: string;
  readonly recipients: number;
}

/** What a message takes up beside its texts, and each user who got it, once they are counted. */
const SENDING_BYTES = 1_024;
const RECIPIENT_BYTES = 96;

/** How often each user got a message. */
type Times = Map<string, number>;

/**
 * Counts how often each user got each message, so that a test can ask whether anyone got anything twice. Messages are
 * the same if room, sender, kind and content are equal.
 *
 * Only a list is written while messages come, since counting takes longer than all else that is done with a request.
 * It is made up for when someone asks.
 */
export class RecipientCounts {
  readonly #sendings: BoundedList<Sending>;
  /** How many of these are counted. */
  #counted = 0;
  /** By the message's hash and then its key. */
  readonly #times = new Map<string, Map<string, Times>>();
  /** In the order in which they became duplicates. */
  readonly #duplicates: { readonly sending: Sending; readonly userId: string; readonly times: Times }[] = [];
  #total = 0;
  #forgotten = 0;

  /**
   * @internal Counts come from the emulator.
   * @param maxBytes when there is more, the oldest messages are forgotten
   */
  constructor(maxBytes: number) {
    this.#sendings = new BoundedList(maxBytes, (dropped) => {
      for (const { recipients } of dropped) this.#forgotten += recipients;
      this.#startAgain();
    });
  }

  /** All of them: one for each user of each message. It stays exact, whatever is forgotten. */
  get total(): number {
    return this.#total;
  }

  /** Number of duplicates: pairs of a user and a message that the user got more than once. */
  get duplicateCount(): number {
    this.#count();
    return this.#duplicates.length;
  }

  /** @internal How many of the total are not known any more: other counts are too low by them. */
  get forgotten(): number {
    return this.#forgotten;
  }

  /** @internal Counts those who get a message: each of them as often as they are named. */
  add({ roomId, from, message }: CountedMessage, to: readonly string[]): void {
    if (to.length === 0) return;
    this.#total += to.length;
    const sending = {
      place: roomId === undefined ? {} : { roomId },
      messageSha256: hash('sha256', message, 'hex'),
      key: JSON.stringify([roomId, from, typeof message]),
      to: to.join(),
      recipients: to.length,
    };
    this.#sendings.add(sending, SENDING_BYTES + sending.to.length + to.length * RECIPIENT_BYTES);
  }

  /** How often a user got a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    this.#count();
    const ofContent = this.#times.get(hash('sha256', message, 'hex')) ?? new Map<string, Times>();
    return [...ofContent.values()].reduce((sum, times) => sum + (times.get(userId) ?? 0), 0);
  }

  /** The duplicates, in the order in which they became that. */
  duplicates(): Duplicate[] {
    this.#count();
    return this.#duplicates.map(({ sending: { place, messageSha256 }, userId, times }) => {
      return { ...place, userId, messageSha256, times: times.get(userId) ?? 0 };
    });
  }

  /** Forgets all. */
  clear(): void {
    this.#sendings.clear();
    this.#startAgain();
    this.#total = this.#forgotten = 0;
  }

  /** Counts what has come since it was last asked for. */
  #count(): void {
    for (const sending of this.#sendings.items.slice(this.#counted)) {
      const { messageSha256, key, to } = sending;
      const ofContent = this.#times.get(messageSha256) ?? new Map<string, Times>();
      const times: Times = ofContent.get(key) ?? new Map<string, number>();
      this.#times.set(messageSha256, ofContent.set(key, times));
      for (const userId of to.split(',')) {
        const count = (times.get(userId) ?? 0) + 1;
        times.set(userId, count);
        if (count === 2) this.#duplicates.push({ sending, userId, times });
      }
    }
    this.#counted = this.#sendings.items.length;
  }

  #startAgain(): void {
    this.#times.clear();
    this.#counted = this.#duplicates.length = 0;
  }
}
