import type { ServerResponse } from 'node:http';
import { onceOver } from './once-over.js';

/** Something whose bytes wait here until the other side sends the rest, or reads. */
interface Transfer {
  bytes: number;
  readonly giveUp: () => void;
}

/** What waits for other sides: beyond so many bytes, that which has waited the longest is given up. */
export class InFlight {
  /** In the order in which they began. */
  readonly #transfers = new Set<Transfer>();
  #bytes = 0;

  constructor(private readonly maxBytes: number) {}

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
      if (this.#bytes <= this.maxBytes) break;
      this.end(first);
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
