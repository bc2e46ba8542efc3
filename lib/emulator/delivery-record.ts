import { createHash } from 'node:crypto';
import type { RoomUnicast } from './batch-send-room-unicast.js';

/** Someone was sent the same message more than once. */
export interface Duplicate {
  readonly roomId: string;
  readonly userId: string;
  /** SHA-256 of the message, in hexadecimal. */
  readonly messageSha256: string;
  readonly times: number;
}

/**
 * Counts, per user and message, how often accepted requests addressed the one with the other (whether the user
 * was in the room or not), so that a test can ask whether anyone was sent anything twice. Messages count as the
 * same when room, sender, kind and content are.
 */
export class DeliveryRecord {
  readonly #messages = new Map<
    string,
    { roomId: string; messageSha256: string; times: Map<string, number> }
  >();
  #total = 0;

  /** All deliveries so far: one for each user of each accepted request. */
  get total(): number {
    return this.#total;
  }

  /** @internal */
  add({ roomId, from, to, message }: RoomUnicast): void {
    const messageSha256 = sha256(message);
    const key = JSON.stringify([roomId, from, typeof message, messageSha256]);
    let record = this.#messages.get(key);
    if (record === undefined) {
      record = { roomId, messageSha256, times: new Map() };
      this.#messages.set(key, record);
    }
    for (const userId of to) record.times.set(userId, (record.times.get(userId) ?? 0) + 1);
    this.#total += to.length;
  }

  /** How often a user was sent a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    const messageSha256 = sha256(message);
    let count = 0;
    for (const record of this.#messages.values()) {
      if (record.messageSha256 === messageSha256) count += record.times.get(userId) ?? 0;
    }
    return count;
  }

  /** Everyone who was sent something more than once. */
  duplicates(): Duplicate[] {
    const duplicates: Duplicate[] = [];
    for (const { roomId, messageSha256, times } of this.#messages.values()) {
      for (const [userId, count] of times) {
        if (count > 1) duplicates.push({ roomId, userId, messageSha256, times: count });
      }
    }
    return duplicates;
  }

  clear(): void {
    this.#messages.clear();
    this.#total = 0;
  }
}

function sha256(message: string | Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}
