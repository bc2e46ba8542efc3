import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeastRoundTrip } from '../quota/least-round-trip.js';
import { burstOf } from '../quota/pacer.js';
import type { Permit, PermitUse, Priority } from '../quota/permit.js';
import { COOLING_MS, creditOf } from '../quota/permit-pool.js';
import type { PermitDelay, PermitDemand } from '../quota/quota-store.js';
import { ClockSkew } from './clock-skew.js';
import { LEASE_MS, type PermitAnswer } from './permit-script.js';
import type { ScriptRunner } from './script-runner.js';

/** How much is asked for at once: enough for few commands, and no more than the others leave. */
const BATCH_MS = 20;
const ANSWERS = 3;
/** When Redis has given fewer than that, others have those of the next time: it is not asked again at once. */
const ASK_AGAIN_MS = 60;
/** How fast it is forgotten that an answer took long: by so much with each that did not. */
const FORGET = 0.1;
/** Answers are flushed by then, which leaves others the time to take the permits when they are free. */
const FLUSH_MS = 400;
/** A permit that was not used by so long after it might have been is given back. */
const UNUSED_MS = 100;
/** What is left of a lease when a permit may be used last: it must be renewed before, with an answer by Redis. */
const USE_MS = LEASE_MS / 2;
/** Without an answer of the service for so long, only single requests go as probes, one in so long. */
const QUIET_MS = 500;
const PROBE_MS = 1_000;
/** So long a permit without an answer is kept, if nothing is answered that was let go later. */
const SILENT_MS = 60_000;
/** How often a Redis that is away is tried, and when a connection that says nothing is given up. */
const LOOK_MS = 250;
const SILENT_CONNECTION_MS = 2_000;

/** Permits of one request, by their names in Redis. */
interface Held {
  readonly names: readonly string[];
  readonly takenAt: number;
  /** Until when Redis knows that they are out, on this process's clock. */
  leasedUntil: number;
  /** When it was given up without an answer. */
  givenUpAt?: number;
}

export interface RedisPermitsOptions {
  readonly limit: number;
  readonly credit: boolean;
  /** There may be permits that there were not. */
  readonly onChange: () => void;
  /** Redis is away, and why; undefined: it is there. */
  readonly onAway: (failure: string | undefined) => void;
}

/** The permits of one scope in Redis, as one process has them. Times are on this process's clock. */
export class RedisPermits {
  /** Why Redis is away, while it is. */
  failure: string | undefined;
  limit: number;
  // Private to the language: the connection may have a password among its properties.
  readonly #runner: ScriptRunner;
  readonly #options: RedisPermitsOptions;
  readonly #process = randomBytes(6).toString('hex');
  #takes = 0;
  #generation: string | undefined;
  #doubt: '' | 'doubt' | 'returns' = '';
  readonly #skew = new ClockSkew();
  readonly #leastRoundTrip = new LeastRoundTrip();
  /** Those that may be used from some time on, the first first. */
  #stock: { readonly name: string; readonly due: number }[] = [];
  /** In the order of being let go. */
  readonly #held = new Set<Held>();
  /** Answered, and until when they are not free. */
  readonly #cooling = new Map<string, number>();
  /** What Redis is to be told: from when permits are free; 0: they were not used. */
  readonly #unflushed = new Map<string, number>();
  #isAsking = false;
  #isClosed = false;
  #askAgainAt = 0;
  /** About the longest that answers of Redis took of late. */
  #answerMs = 0;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #takenAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(runner: ScriptRunner, options: RedisPermitsOptions) {
    this.#runner = runner;
    this.#options = options;
    this.limit = options.limit;
  }

  take(permits: number, { priority, waiting }: PermitDemand): Permit | PermitDelay {
    const now = performance.now();
    this.#giveBackUnused(now);
    const quietMs = this.#quietMs(now);
    if (quietMs > 0) return { delayMs: quietMs };
    const last = this.#stock[permits - 1];
    if (last === undefined) {
      if (now < this.#askAgainAt) return { delayMs: this.#askAgainAt - now };
      void this.#ask(permits, priority, waiting);
      return { delayMs: Number.POSITIVE_INFINITY };
    }
    if (last.due > now) return { delayMs: last.due - now };
    const taken = this.#stock.splice(0, permits);
    // Before they run out.
    if (this.#stock.length <= this.#batch(permits, waiting) / 2 && waiting > 1 && now >= this.#askAgainAt) {
      void this.#ask(permits, priority, waiting - 1);
    }
    const leasedUntil = (taken[0]?.due ?? now) + LEASE_MS;
    return this.#hold(
      taken.map(({ name }) => name),
      leasedUntil,
    );
  }

  /** Takes permits that Redis did not give out, but is to know of when it is back. */
  adopt(permits: number): Permit {
    const take = ++this.#takes;
    return this.#hold(this.#namesOf(take, permits), 0);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#runner.close();
  }

  #hold(names: readonly string[], leasedUntil: number): Permit {
    const held: Held = { names, takenAt: performance.now(), leasedUntil };
    this.#held.add(held);
    this.#takenAt = held.takenAt;
    this.#flushSoon();
    return { giveBack: (use) => this.#giveBack(held, use) };
  }

  #giveBack(held: Held, use: PermitUse): void {
    const now = performance.now();
    if (use === 'unanswered') held.givenUpAt = now;
    else if (use === 'unused') this.#release(held, 0);
    else {
      this.#answeredAt = now;
      this.#leastRoundTrip.record(held.takenAt, now);
      this.#release(held, now + COOLING_MS);
      for (const silent of this.#held) {
        if ((silent.givenUpAt ?? Infinity) < held.takenAt) this.#release(silent, now + COOLING_MS);
      }
    }
    this.#flushSoon();
  }

  #release(held: Held, freeAt: number): void {
    if (!this.#held.delete(held)) return;
    for (const name of held.names) {
      this.#unflushed.set(name, freeAt);
      if (freeAt > 0) this.#cooling.set(name, freeAt);
    }
  }

  /** A service that stands still reads later all that it was sent: little is to be added to that. */
  #quietMs(now: number): number {
    const [oldest] = this.#held;
    if (oldest === undefined || now - Math.max(this.#answeredAt, oldest.takenAt) <= QUIET_MS) return 0;
    return Math.max(0, this.#takenAt + PROBE_MS - now);
  }

  #giveBackUnused(now: number): void {
    const late = this.#stock.filter(({ due }) => due + USE_MS <= now);
    for (const { name } of late) this.#unflushed.set(name, 0);
    if (late.length > 0) this.#stock = this.#stock.slice(late.length);
  }

  #batch(permits: number, waiting: number): number {
    const ahead = Math.ceil((this.limit * Math.max(BATCH_MS, ANSWERS * this.#answerMs)) / 1_000);
    return permits * Math.max(1, Math.min(waiting, Math.floor(ahead / permits)));
  }

  async #ask(permits: number, priority: Priority, waiting: number): Promise<void> {
    if (this.#isAsking || this.failure !== undefined || this.#isClosed) return;
    const answer = await this.#run(this.#batch(permits, waiting), permits, priority);
    if (answer !== undefined) this.#options.onChange();
  }

  /** One command, with all that Redis is to be told. @returns undefined if nothing of it may be used */
  async #run(wanted: number, together: number, priority: Priority): Promise<PermitAnswer | undefined> {
    this.#isAsking = true;
    const take = ++this.#takes;
    const names = this.#namesOf(take, wanted);
    const askedAt = performance.now();
    const told = new Map(this.#unflushed);
    const leased = this.#renewals(askedAt);
    const pairs = [...told].map(([name, freeAt]) => [name, freeAt === 0 ? 0 : this.#skew.toServer(freeAt)]);
    const lease = (this.#skew.toServer(askedAt) + LEASE_MS).toFixed(3);
    for (const held of leased) for (const name of held.names) pairs.push([name, lease]);
    const credit = this.#options.credit ? creditOf(this.#leastRoundTrip.ms(askedAt)) : 0;
    const [doubt, known] = [this.#doubt, this.#generation];
    const terms = [this.limit, burstOf(this.limit), credit.toFixed(3), priority, doubt, known ?? ''];
    const expires = this.#skew.isKnown ? this.#skew.toServer(askedAt + this.#runner.timeoutMs).toFixed(3) : 0;
    const asked = [this.#process, take, wanted, together, ...terms, expires, ...pairs.flat()];
    const answer = await this.#runner.run(asked);
    const now = performance.now();
    this.#isAsking = false;
    if ('failure' in answer) {
      for (const name of names) this.#unflushed.set(name, 0);
      this.#goAway(answer.failure);
      return undefined;
    }
    this.#answerMs = Math.max(now - askedAt, this.#answerMs - (this.#answerMs - now + askedAt) * FORGET);
    const fits = this.#skew.record(askedAt, answer.now, now);
    if (answer.generation === '') {
      if (!fits) this.#doubt = 'doubt';
      this.#flushSoon(true);
      return undefined;
    }
    for (const [name, freeAt] of told) if (this.#unflushed.get(name) === freeAt) this.#unflushed.delete(name);
    for (const held of leased) held.leasedUntil = askedAt + LEASE_MS;
    const isNew = known !== undefined && answer.generation !== known;
    this.#generation = answer.generation;
    this.#doubt = fits || isNew ? '' : 'doubt';
    if (isNew || !fits) {
      this.#putBack(names);
      this.#flushSoon(true);
      return undefined;
    }
    this.#fill(answer, names, now);
    return answer;
  }

  #fill({ dues, askAgainAt }: PermitAnswer, names: readonly string[], now: number): void {
    this.#askAgainAt =
      dues.length < names.length ? Math.max(now + ASK_AGAIN_MS, this.#skew.toLocal(askAgainAt)) : 0;
    const filled = dues.map((due, index) => ({ name: names[index] ?? '', due: this.#skew.toLocal(due) }));
    this.#stock = [...this.#stock, ...filled].sort((one, other) => one.due - other.due);
  }

  /** Redis may know nothing of what is out: it is to be told of all, and what it gave out before is not used. */
  #putBack(unused: readonly string[]): void {
    for (const name of [...unused, ...this.#stock.map(({ name }) => name)]) this.#unflushed.set(name, 0);
    this.#stock = [];
    for (const held of this.#held) held.leasedUntil = 0;
    for (const [name, freeAt] of this.#cooling) this.#unflushed.set(name, freeAt);
  }

  /** What would not be known to be out soon. */
  #renewals(now: number): Held[] {
    for (const held of this.#held) if ((held.givenUpAt ?? now) + SILENT_MS < now) this.#release(held, 0);
    for (const [name, freeAt] of this.#cooling) if (freeAt <= now) this.#cooling.delete(name);
    return [...this.#held].filter(({ leasedUntil }) => leasedUntil < now + LEASE_MS / 2);
  }

  /** @param atOnce when others wait for it */
  #flushSoon(atOnce = false): void {
    if (this.#isClosed || this.failure !== undefined) return;
    if (atOnce) clearTimeout(this.#timer);
    else if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => void this.#flush(), atOnce ? 0 : FLUSH_MS).unref();
  }

  async #flush(): Promise<void> {
    this.#timer = undefined;
    const now = performance.now();
    const late = this.#stock.findIndex(({ due }) => due + UNUSED_MS > now);
    for (const { name } of this.#stock.splice(0, late === -1 ? this.#stock.length : late))
      this.#unflushed.set(name, 0);
    const isDue = this.#unflushed.size > 0 || this.#renewals(now).length > 0 || this.#doubt !== '';
    if (isDue && !this.#isAsking) {
      const answer = await this.#run(0, 1, 'bulk');
      if (answer !== undefined || this.failure !== undefined) this.#options.onChange();
    }
    if (this.#held.size + this.#unflushed.size + this.#stock.length > 0) this.#flushSoon();
  }

  #goAway(failure: string): void {
    if (this.failure !== undefined || this.#isClosed) return;
    this.failure = failure;
    this.#putBack([]);
    this.#options.onAway(failure);
    this.#options.onChange();
    void this.#lookForRedis();
  }

  /** One command at a time, so that few are answered at once when Redis is back. */
  async #lookForRedis(): Promise<void> {
    let since = performance.now();
    for (;;) {
      await sleep(LOOK_MS, undefined, { ref: false });
      if (this.#isClosed) return;
      this.#doubt = 'returns';
      await this.#run(0, 1, 'bulk');
      if (this.#doubt !== 'returns') break;
      if (performance.now() - since > SILENT_CONNECTION_MS) {
        this.#runner.renewConnection();
        since = performance.now();
      }
    }
    this.failure = undefined;
    this.#askAgainAt = 0;
    this.#options.onAway(undefined);
    this.#flushSoon(true);
    this.#options.onChange();
  }

  #namesOf(take: number, count: number): string[] {
    return Array.from({ length: count }, (_none, index) => `${this.#process}:${take}:${index + 1}`);
  }
}
