import type { Reservation } from '../services/receipt-tracker.js';

/** Room for receipts that are not awaited yet. */
export class ReceiptRoom implements Reservation {
  #left = 0;

  constructor(
    private readonly store: { reserved: number },
    recipients: number,
  ) {
    this.use(-recipients);
  }

  /** So many recipients are awaited now; a negative number: no longer, so that others of its requests may be. */
  use(recipients: number): void {
    const left = Math.max(0, this.#left - recipients);
    this.store.reserved += left - this.#left;
    this.#left = left;
  }

  free(): void {
    this.use(this.#left);
  }
}
