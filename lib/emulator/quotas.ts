import type { Room } from './presence.js';
import { QuotaWindow } from './quota-window.js';
import type { EmulatorAccount, ResolvedEmulatorOptions } from './rtc-emulator-options.js';

/** From so many users on, a room is a large one. */
const LARGE_ROOM = 500;
/** When there are so many rooms, those without messages in the last second are forgotten. */
const FORGET_AT = 1_000;

/** The quotas of accounts, and the limits of their rooms. */
export class Quotas {
  readonly #accounts = new Map<EmulatorAccount, QuotaWindow>();
  readonly #rooms = new Map<string, QuotaWindow>();

  constructor(private readonly options: ResolvedEmulatorOptions) {}

  /** Counts a request that fits into both. @returns which of them it does not fit into */
  spend(
    account: EmulatorAccount,
    recipients: number,
    room: Room | undefined,
  ): 'account' | 'room' | undefined {
    const { quota, roomMessagesPerSecond, largeRoomMessagesPerSecond } = this.options;
    const cost = quota.costPer === 'recipient' ? Math.max(1, recipients) : 1;
    const window = this.#accounts.get(account) ?? new QuotaWindow(quota.requestsPerSecond, quota.window);
    this.#accounts.set(account, window);
    if (!window.hasRoom(cost)) return 'account';
    if (room !== undefined && roomMessagesPerSecond < Number.POSITIVE_INFINITY) {
      const limit =
        room.participants.length < LARGE_ROOM ? roomMessagesPerSecond : largeRoomMessagesPerSecond;
      if (!this.#roomOf(account, room.id).admit(cost, limit)) return 'room';
    }
    window.admit(cost);
    return undefined;
  }

  #roomOf(account: EmulatorAccount, roomId: string): QuotaWindow {
    const key = JSON.stringify([account.credentials.accessKeyId, roomId]);
    const known = this.#rooms.get(key);
    if (known !== undefined) return known;
    if (this.#rooms.size >= FORGET_AT) {
      for (const [name, { isEmpty }] of this.#rooms) if (isEmpty) this.#rooms.delete(name);
    }
    const room = new QuotaWindow(this.options.roomMessagesPerSecond, this.options.quota.window);
    this.#rooms.set(key, room);
    return room;
  }
}
