import type { Permit } from '../quota/permit.js';
import type { PermitDelay, PermitDemand, PermitSource } from '../quota/quota-store.js';
import type { SharedSchedule } from './shared-schedule.js';

/** Timers are no more exact than this. */
const EARLY_MS = 0.5;
/** A slot that comes up later than this, because the process was busy, is lost: by default. */
const LATE_MS = 5;

/** Takes the slots of a schedule for permits: they are not given back, since the schedule goes by itself. */
export class SlotSource implements PermitSource {
  #due: number[] = [];
  #isAsking = false;
  #unavailable: PermitDelay | undefined;

  constructor(
    private readonly schedule: SharedSchedule,
    private readonly onChange: () => void,
  ) {}

  get limit(): number {
    return this.schedule.limit;
  }

  set limit(limit: number) {
    this.schedule.limit = limit;
  }

  take(permits: number, { waiting }: PermitDemand): Permit | PermitDelay {
    const now = performance.now();
    const unavailable = this.#unavailable;
    this.#unavailable = undefined;
    if (unavailable !== undefined) return unavailable;
    while (now - (this.#due[0] ?? now) > (this.schedule.lateMs || LATE_MS)) this.#due.shift();
    const last = this.#due[permits - 1];
    if (last === undefined) {
      void this.#ask(Math.max(waiting, permits));
      return { delayMs: Number.POSITIVE_INFINITY };
    }
    if (last - now > EARLY_MS) return { delayMs: last - now };
    this.schedule.observeLateness(Math.max(0, now - last));
    this.#due.splice(0, permits);
    if (this.#due.length * this.schedule.intervalMs < this.schedule.leadMs && waiting > 1)
      void this.#ask(waiting);
    return {
      giveBack: (use) => {
        if (use === 'answered') this.schedule.observeRoundTrip(performance.now() - now);
      },
    };
  }

  close(): void {
    this.schedule.close();
  }

  async #ask(slots: number): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const reserved = await this.schedule.reserve(Math.min(slots, this.schedule.batchSize));
    const { delayMs, intervalMs, unavailable } = reserved;
    const due = performance.now() + delayMs;
    for (let slot = 0; slot < reserved.slots; slot++) this.#due.push(due + slot * intervalMs);
    if (unavailable !== undefined) this.#unavailable = { delayMs, unavailable };
    if (reserved.slots === 0 && unavailable === undefined && delayMs > 0) {
      await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    }
    this.#isAsking = false;
    this.onChange();
  }
}
