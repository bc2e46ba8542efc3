import { createHash } from 'node:crypto';
import type { EmulatedMessage } from './read-message.js';

/** A message, and whom it was for when it was accepted. */
export interface Delivery extends EmulatedMessage {
  readonly to: readonly string[];
}

/** Someone was sent the same message more than once. */
export interface Duplicate {
  /** Absent for messages outside of rooms. */
  readonly roomId?: string;
  /** Who was sent it. */
  readonly userId: string;
  /** SHA-256 of the message, in hexadecimal. */
  readonly messageSha256: string;
  /** How often: 2 or more. */
  readonly times: number;
}

/** Beyond so many users, it is counted all the same: an emulator may run for days. */
const MAX_UNCOUNTED = 2_000_000;

/** Who was sent one message, and how often. */
interface MessageRecord {
  readonly roomId: string | undefined;
  readonly messageSha256: string;
  readonly times: Map<string, number>;
}

/**
 * Counts, per user and message, how often accepted requests addressed the one with the other (whether the user
 * was there or not; a broadcast addresses those who are in the room), so that a test can ask whether anyone was sent anything twice. Messages count as the
 * same when room, sender, kind and content are.
 */
export class DeliveryRecord {
  readonly #messages = new Map<string, MessageRecord>();
  readonly #bySha256 = new Map<string, MessageRecord[]>();
  /**
   * What has not been counted yet. It is when someone asks: counting a million users takes a second, and an
   * emulator that stands still is no fair judge of its clients' timing.
   */
  #uncounted: Delivery[] = [];
  #uncountedUsers = 0;
  #total = 0;

  /** All deliveries so far: one for each user of each accepted request. */
  get total(): number {
    return this.#total;
  }

  /** @internal */
  add(delivery: Delivery): void {
    this.#uncounted.push(delivery);
    this.#total += delivery.to.length;
    this.#uncountedUsers += delivery.to.length;
    if (this.#uncountedUsers > MAX_UNCOUNTED) this.#countAll();
  }

  /** How often a user was sent a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    this.#countAll();
    const records = this.#bySha256.get(sha256(message)) ?? [];
    return records.reduce((sum, { times }) => sum + (times.get(userId) ?? 0), 0);
  }

  /** Everyone who was sent something more than once. */
  duplicates(): Duplicate[] {
    this.#countAll();
    const duplicates: Duplicate[] = [];
    for (const { roomId, messageSha256, times } of this.#messages.values()) {
      for (const [userId, count] of times) {
        if (count < 2) continue;
        duplicates.push({ ...(roomId !== undefined && { roomId }), userId, messageSha256, times: count });
      }
    }
    return duplicates;
  }

  /** Forgets all deliveries. */
  clear(): void {
    this.#messages.clear();
    this.#bySha256.clear();
    this.#uncounted = [];
    this.#uncountedUsers = 0;
    this.#total = 0;
  }

  #countAll(): void {
    for (const { roomId, from, to, message } of this.#uncounted) {
      const messageSha256 = sha256(message);
      const key = JSON.stringify([roomId ?? null, from, typeof message, messageSha256]);
      const { times } = this.#messages.get(key) ?? this.#open(key, roomId, messageSha256);
      for (const userId of to) times.set(userId, (times.get(userId) ?? 0) + 1);
    }
    this.#uncounted = [];
    this.#uncountedUsers = 0;
  }

  #open(key: string, roomId: string | undefined, messageSha256: string): MessageRecord {
    const record: MessageRecord = { roomId, messageSha256, times: new Map() };
    this.#messages.set(key, record);
    this.#bySha256.set(messageSha256, [...(this.#bySha256.get(messageSha256) ?? []), record]);
    return record;
  }
}

function sha256(message: string | Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}
