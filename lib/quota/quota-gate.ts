import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import type { Quota, Reservation } from './quota.js';
import type { QuotaUsage } from './quota-usage.js';

/** Who asks: single sends and fan-outs take turns, so that neither waits for the other's queue. */
export type Lane = 'single' | 'bulk';

/** A place in the queue. */
export interface Ticket {
  /** Fulfilled when the request may leave; rejected with an RtcQuotaError when the quota has become unavailable. */
  readonly granted: Promise<void>;
  /** Gives the place up. A slot that was granted already is spent. */
  cancel(): unknown;
}

/** A slot that comes up later than this, because the process was busy, is lost: by default. */
const LATE_MS = 5;
/** Timers are no more exact than this. */
const EARLY_MS = 0.5;

/** Answers that are read so soon after a timer fired came while the process was busy, if the timer was late. */
const SAME_TURN_MS = 15;

/** What time is measured and waited for with. */
export interface GateTime {
  /** Monotonic milliseconds. */
  now(): number;
  wait(ms: number): Promise<void>;
}

const REAL_TIME: GateTime = {
  now: () => performance.now(),
  // Whoever waits keeps the process alive by its own time limit; a slot that no one waits for any more must not.
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms).unref()),
};

/** With the time when its first slot is due: one that was asked for ahead is looked at later than it came. */
type DatedReservation = readonly [reservation: Reservation, firstDue: number];

interface Waiter {
  /** Undefined until it is clear that there is a wait. */
  grant: (() => void) | undefined;
  refuse: ((error: RtcQuotaError) => void) | undefined;
  /** Of one who was refused before that. */
  refusal: RtcQuotaError | undefined;
}

/** Lets requests leave one by one, first come first served, as the quota has slots for them. */
export class QuotaGate {
  // Sets keep the order of coming, and let go of whoever leaves.
  readonly #lanes: Readonly<Record<Lane, Set<Waiter>>> = { single: new Set(), bulk: new Set() };
  #lastLane: Lane = 'bulk';
  #pumping = false;
  readonly #granted = new SlidingCounts<'slot'>(1_000);
  /** When a timer last fired, and how late. */
  #wokeAt = Number.NEGATIVE_INFINITY;
  #lateMs = 0;

  /** @param maxQueue how many single sends may wait; what a fan-out has in flight is bounded by itself */
  constructor(
    readonly quota: Quota,
    private readonly maxQueue: number,
    private readonly time: GateTime = REAL_TIME,
  ) {}

  /** How many are waiting. */
  get queued(): number {
    return this.#lanes.single.size + this.#lanes.bulk.size;
  }

  get usage(): Omit<QuotaUsage, 'limit'> {
    const { counts, overMs } = this.#granted.read(this.time.now());
    return {
      queued: this.#lanes.single.size,
      maxQueue: this.maxQueue,
      waitMs: Math.ceil(this.#estimateWaitMs('single')),
      queuedBulk: this.#lanes.bulk.size,
      requestsPerSecond: Math.round(((counts.get('slot') ?? 0) * 10_000) / overMs) / 10,
    };
  }

  /**
   * Takes a place in the queue, or passes at once.
   * @param withinMs how long there is time to wait; whoever is part of a bulk has all the time that there is
   * @returns undefined when the request may leave now
   * @throws RtcQuotaError when the queue is full, or too long to come through it in time, or the quota unavailable
   */
  enter(lane: Lane, withinMs: number): Ticket | undefined {
    const waiters = this.#lanes[lane];
    const waitMs = Math.ceil(this.#estimateWaitMs(lane));
    const place: Waiter = { grant: undefined, refuse: undefined, refusal: undefined };
    waiters.add(place);
    void this.#pump();
    if (place.refusal !== undefined) throw place.refusal;
    if (!waiters.has(place)) return undefined;

    const problem =
      lane === 'single' && waiters.size > this.maxQueue
        ? `is full: ${waiters.size - 1} calls are waiting, for about ${waitMs} ms`
        : lane === 'single' && waitMs > withinMs
          ? `is too long: about ${waitMs} ms, where ${Math.floor(withinMs)} ms are left`
          : undefined;
    if (problem !== undefined) {
      waiters.delete(place);
      throw new RtcQuotaError(`The quota's queue ${problem}. Nothing was sent.`, { retryAfterMs: waitMs });
    }
    const granted = new Promise<void>((resolve, reject) => {
      place.grant = resolve;
      place.refuse = reject;
    });
    return { granted, cancel: () => waiters.delete(place) };
  }

  /**
   * So long went by, in milliseconds, from a slot to the answer of the request that used it. What of that was
   * this process's own being busy has not delayed the request, only the reading of its answer.
   */
  observeRoundTrip(roundTripMs: number): void {
    const justWoke = this.time.now() - this.#wokeAt < SAME_TURN_MS;
    this.quota.observeRoundTrip(Math.max(0, roundTripMs - (justWoke ? this.#lateMs : 0)));
  }

  /** Whoever comes now comes after those of its own lane, and takes turns with those of the other. */
  #estimateWaitMs(lane: Lane): number {
    const ahead = this.#lanes[lane].size;
    const turns = ahead + Math.min(ahead, this.queued - ahead);
    return this.quota.heldMs + turns * this.quota.intervalMs;
  }

  /** Takes slots as long as someone waits, and grants each when it is due. */
  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      let ahead: DatedReservation | Promise<DatedReservation> | undefined;
      while (this.queued > 0) {
        const reserved = ahead ?? this.#reserve(this.queued);
        ahead = undefined;
        const [{ slots, delayMs, intervalMs, unavailable }, firstDue] =
          reserved instanceof Promise ? await reserved : reserved;
        if (unavailable !== undefined) {
          this.#refuseAll(unavailable, delayMs);
          continue;
        }
        if (slots === 0) await this.#waitUntil(firstDue);
        let lost = 0;
        for (let slot = 0; slot < slots; slot++) {
          const due = firstDue + slot * intervalMs;
          const left = slots - slot;
          if (left * intervalMs < (this.quota.leadMs ?? 0) && this.queued > left) {
            ahead ??= this.#reserve(this.queued - left);
          }
          // Not awaiting what is due lets a lone request pass without waiting at all.
          if (due - this.time.now() > EARLY_MS) await this.#waitUntil(due);
          const lateMs = Math.max(0, this.time.now() - due);
          this.quota.observeLateness?.(lateMs);
          if (lateMs > (this.quota.lateMs ?? LATE_MS)) lost += 1;
          else this.#grantNext();
        }
        // However late answers come, asking again and again must not take the process's whole time.
        if (slots > 0 && lost === slots) await this.#waitUntil(this.time.now());
      }
    } finally {
      // In the same turn as the queue was found empty: whoever comes next must start it again.
      this.#pumping = false;
    }
  }

  #reserve(slots: number): DatedReservation | Promise<DatedReservation> {
    const dated = (reservation: Reservation): DatedReservation => [
      reservation,
      this.time.now() + reservation.delayMs,
    ];
    const reserved = this.quota.reserve(Math.min(slots, this.quota.batchSize));
    return reserved instanceof Promise ? reserved.then(dated) : dated(reserved);
  }

  async #waitUntil(due: number): Promise<void> {
    // At least once: whoever asks again without any time having passed would ask for ever.
    do await this.time.wait(Math.max(EARLY_MS, due - this.time.now()));
    while (due - this.time.now() > EARLY_MS);
    this.#wokeAt = this.time.now();
    this.#lateMs = Math.max(0, this.#wokeAt - due);
  }

  #refuseAll(reason: string, retryAfterMs: number): void {
    for (const lane of Object.values(this.#lanes)) {
      for (const waiter of lane) {
        lane.delete(waiter);
        const error = new RtcQuotaError(`${reason}. Nothing was sent.`, { retryAfterMs });
        if (waiter.refuse === undefined) waiter.refusal = error;
        else waiter.refuse(error);
      }
    }
  }

  #grantNext(): void {
    const { single, bulk } = this.#lanes;
    const lane = bulk.size === 0 || (single.size > 0 && this.#lastLane === 'bulk') ? 'single' : 'bulk';
    const [waiter] = this.#lanes[lane];
    if (waiter === undefined) return;
    this.#lastLane = lane;
    this.#lanes[lane].delete(waiter);
    this.#granted.add('slot', this.time.now());
    waiter.grant?.();
  }
}
