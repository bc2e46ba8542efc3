import type { EmulatorAccount } from './account.js';
import { QuotaWindow } from './quota-window.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';

/** From so many users on, a room is a large one. */
const LARGE_ROOM = 500;
/** When there are so many rooms, those without messages in the last second are forgotten. */
const FORGET_AT = 1_000;

/** What a request asks of the quota. */
export interface QuotaClaim {
  readonly recipients: number;
  /** Empty: it goes into none. */
  readonly roomId: string;
  /** How many are in that room. */
  readonly users: number;
}

/** The quotas of accounts, and the limits of their rooms. */
export class Quotas {
  readonly #accounts = new Map<EmulatorAccount, QuotaWindow>();
  readonly #rooms = new Map<string, QuotaWindow>();

  constructor(private readonly options: ResolvedEmulatorOptions) {}

  /** Counts a request that fits into both. @returns which of them it does not fit into */
  spend(account: EmulatorAccount, { recipients, roomId, users }: QuotaClaim): 'account' | 'room' | undefined {
    const { quota, roomMessagesPerSecond, largeRoomMessagesPerSecond } = this.options;
    const cost = quota.costPer === 'recipient' ? Math.max(1, recipients) : 1;
    let window = this.#accounts.get(account);
    if (window === undefined) {
      window = new QuotaWindow(quota.requestsPerSecond, quota.window);
      this.#accounts.set(account, window);
    }
    if (!window.hasRoom(cost)) return 'account';
    if (roomId !== '' && roomMessagesPerSecond < Number.POSITIVE_INFINITY) {
      const room = this.#roomOf(account, roomId);
      const limit = users < LARGE_ROOM ? roomMessagesPerSecond : largeRoomMessagesPerSecond;
      if (!room.hasRoom(cost, limit)) return 'room';
      room.take(cost);
    }
    window.take(cost);
    return undefined;
  }

  #roomOf(account: EmulatorAccount, roomId: string): QuotaWindow {
    const key = JSON.stringify([account.credentials.accessKeyId, roomId]);
    let room = this.#rooms.get(key);
    if (room === undefined) {
      if (this.#rooms.size >= FORGET_AT) {
        for (const [name, { isEmpty }] of this.#rooms) if (isEmpty) this.#rooms.delete(name);
      }
      room = new QuotaWindow(this.options.roomMessagesPerSecond, this.options.quota.window);
      this.#rooms.set(key, room);
    }
    return room;
  }
}
