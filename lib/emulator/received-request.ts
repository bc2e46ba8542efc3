import type { FaultTarget } from './fault.js';
import type { RequestHead } from './read-request.js';

/** A request to the API, read to its end. */
export class ReceivedRequest {
  #json: unknown;
  #isParsed = false;

  constructor(
    readonly head: RequestHead,
    readonly body: Buffer,
  ) {}

  get action(): string {
    return this.head.query.get('Action') ?? '';
  }

  get version(): string {
    return this.head.query.get('Version') ?? '';
  }

  /** Undefined where it is none: to read a large one costs more than all else, and is done once. */
  get json(): unknown {
    if (this.#isParsed) return this.#json;
    this.#isParsed = true;
    try {
      this.#json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(this.body));
    } catch {
      // Whoever needs it says so.
    }
    return this.#json;
  }

  /** A fault may be meant for a room or a user, whatever else is wrong with the body. */
  get target(): FaultTarget {
    const { query } = this.head;
    const { RoomId = query.get('RoomId'), To } = (this.json ?? {}) as { RoomId?: unknown; To?: unknown };
    return {
      action: this.action,
      roomId: typeof RoomId === 'string' ? RoomId : '',
      to: [To].flat().filter((userId): userId is string => typeof userId === 'string'),
    };
  }
}
