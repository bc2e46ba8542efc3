import type { LimiterTime } from '../../lib/quota/rate-limiter.js';

interface SimulatedEvent {
  readonly at: number;
  readonly order: number;
  readonly act: () => void;
}

/** Time that goes by from event to event; a process that uses it can stand still. */
export class SimulatedTime implements LimiterTime {
  #now = 0;
  #count = 0;
  /** A heap, by time and then by the order of coming. */
  readonly #events: SimulatedEvent[] = [];
  #stalledUntil = 0;

  now(): number {
    return this.#now;
  }

  after(ms: number, wake: () => void): () => void {
    return this.at(this.#now + Math.max(0, ms), wake);
  }

  /** Does something then; what the process does, not before it stops standing still. @returns what cancels it */
  at(time: number, act: () => void, isOutside = false): () => void {
    let isCancelled = false;
    const doIt = (): void => {
      if (isCancelled) return;
      if (isOutside || this.#now >= this.#stalledUntil) act();
      else this.#push({ at: this.#stalledUntil, order: this.#count++, act: doIt });
    };
    this.#push({ at: time, order: this.#count++, act: doIt });
    return () => {
      isCancelled = true;
    };
  }

  /** The process does nothing for so long. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#now + ms);
  }

  /** Until then; promises are settled between any two events. */
  async run(until: number): Promise<void> {
    for (let next = this.#events[0]; next !== undefined && next.at <= until; next = this.#events[0]) {
      this.#pop();
      this.#now = Math.max(this.#now, next.at);
      next.act();
      for (let turn = 0; turn < 3; turn++) await undefined;
    }
    this.#now = Math.max(this.#now, until);
  }

  #push(event: SimulatedEvent): void {
    const heap = this.#events;
    let index = heap.push(event) - 1;
    for (let up = (index - 1) >> 1; index > 0 && isBefore(heap[index]!, heap[up]!); up = (index - 1) >> 1) {
      [heap[index], heap[up]] = [heap[up]!, heap[index]!];
      index = up;
    }
  }

  #pop(): void {
    const heap = this.#events;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let index = 0; ;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (least === index) return;
      [heap[index], heap[least]] = [heap[least]!, heap[index]!];
      index = least;
    }
  }
}

function isBefore(one: SimulatedEvent, other: SimulatedEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** How the way and the service are, from some time on. */
export interface Conditions {
  /** One-way delays, at least and at most, in milliseconds. */
  readonly there: readonly [number, number];
  readonly back: readonly [number, number];
  /** Between the counting of a request and its answer. */
  readonly serviceMs: number;
  /** Nothing is read; what arrives meanwhile is read when this ends. */
  readonly isFrozen?: boolean;
}

/** Something that the service has counted. */
export interface Arrival {
  readonly at: number;
  readonly cost: number;
}

/** What the service says of a request. */
export type Verdict = 'accepted' | 'throttled';

/** A service that counts each request when it reads it, and answers later. */
export class SimulatedService {
  readonly arrivals: Arrival[] = [];
  #conditions: Conditions;
  #unread: (() => void)[] = [];

  constructor(
    private readonly time: SimulatedTime,
    private readonly random: () => number,
    conditions: Conditions,
    private readonly judge: (now: number, cost: number, recipients: number) => Verdict = () => 'accepted',
  ) {
    this.#conditions = conditions;
  }

  become(conditions: Conditions): void {
    this.#conditions = conditions;
    if (conditions.isFrozen) return;
    for (const read of this.#unread.splice(0)) read();
  }

  /** @param onAnswer called when the answer has come back */
  send(cost: number, recipients: number, onAnswer: (verdict: Verdict) => void): void {
    const { there } = this.#conditions;
    const read = (): void => {
      const now = this.time.now();
      this.arrivals.push({ at: now, cost });
      const verdict = this.judge(now, cost, recipients);
      const { serviceMs, back } = this.#conditions;
      this.time.at(now + serviceMs + this.#between(back), () => onAnswer(verdict), true);
    };
    const arrive = (): void => {
      if (this.#conditions.isFrozen) this.#unread.push(read);
      else read();
    };
    this.time.at(this.time.now() + this.#between(there), arrive, true);
  }

  #between([least, most]: readonly [number, number]): number {
    return least + (most - least) * this.random();
  }
}

/** The most that was counted in any half-open second, wherever it starts. */
export function mostInASecond(arrivals: readonly Arrival[]): number {
  const sorted = arrivals.toSorted((a, b) => a.at - b.at);
  let [most, sum] = [0, 0];
  for (let first = 0, last = 0; last < sorted.length; last++) {
    sum += sorted[last]!.cost;
    while (sorted[last]!.at - sorted[first]!.at >= 1_000) sum -= sorted[first++]!.cost;
    most = Math.max(most, sum);
  }
  return most;
}
