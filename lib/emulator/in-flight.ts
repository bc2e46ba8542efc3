import type { ServerResponse } from 'node:http';
import { onceOver } from './connection.js';

/** Something whose bytes wait here until the other side sends the rest, or reads. */
interface Transfer {
  bytes: number;
  readonly giveUp: () => void;
}

/** Of each kind of waiting. */
const MAX_BYTES = 33_554_432;

/** What waits for other sides: beyond 32 MB, that which has waited the longest is given up. */
export class InFlight {
  /** In the order in which they began. */
  readonly #transfers = new Set<Transfer>();
  /** How many were given up. */
  givenUp = 0;
  #bytes = 0;

  /** @param giveUp ends it, as soon as others need its room */
  begin(giveUp: () => void): Transfer {
    const transfer = { bytes: 0, giveUp };
    this.#transfers.add(transfer);
    return transfer;
  }

  grow(transfer: Transfer, bytes: number): void {
    if (!this.#transfers.has(transfer)) return;
    transfer.bytes += bytes;
    this.#bytes += bytes;
    for (const first of this.#transfers) {
      if (this.#bytes <= MAX_BYTES) break;
      this.end(first);
      this.givenUp += 1;
      first.giveUp();
    }
  }

  /** An answer, until it has gone. */
  hold(response: ServerResponse, bytes: number): void {
    const answer = this.begin(() => response.req.socket.destroy());
    onceOver(response, () => this.end(answer));
    this.grow(answer, bytes);
  }

  /** Does nothing if it has ended before. */
  end(transfer: Transfer): void {
    if (this.#transfers.delete(transfer)) this.#bytes -= transfer.bytes;
  }
}
