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
  readonly #messages = new Map<string, { roomId: string; messageSha256: string; times: UserCounts }>();
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
      record = { roomId, messageSha256, times: new UserCounts() };
      this.#messages.set(key, record);
    }
    for (const userId of to) record.times.add(userId);
    this.#total += to.length;
  }

  /** How often a user was sent a message, in any room and from anyone. */
  count(userId: string, message: string | Uint8Array): number {
    const messageSha256 = sha256(message);
    let count = 0;
    for (const record of this.#messages.values()) {
      if (record.messageSha256 === messageSha256) count += record.times.of(userId);
    }
    return count;
  }

  /** Everyone who was sent something more than once. */
  duplicates(): Duplicate[] {
    const duplicates: Duplicate[] = [];
    for (const { roomId, messageSha256, times } of this.#messages.values()) {
      for (const [userId, count] of times.entries()) {
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

/**
 * Counts by user, for any number of them. In many small maps, since a large one stands still for a tenth of a
 * second whenever it has to grow, and an emulator that does so is no fair judge of its clients' timing.
 */
class UserCounts {
  readonly #maps = Array.from({ length: 256 }, () => new Map<string, number>());

  add(userId: string): void {
    const map = this.#mapOf(userId);
    map.set(userId, (map.get(userId) ?? 0) + 1);
  }

  of(userId: string): number {
    return this.#mapOf(userId).get(userId) ?? 0;
  }

  *entries(): Generator<[userId: string, count: number]> {
    for (const map of this.#maps) yield* map;
  }

  #mapOf(userId: string): Map<string, number> {
    // IDs mostly differ in their last characters.
    const { length } = userId;
    const hash =
      userId.charCodeAt(length - 1) + 7 * userId.charCodeAt(length - 2) + 31 * userId.charCodeAt(length - 3);
    return this.#maps[hash & 255] as Map<string, number>;
  }
}

function sha256(message: string | Uint8Array): string {
  return createHash('sha256').update(message).digest('hex');
}
