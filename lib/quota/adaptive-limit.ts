import { Fifo } from './fifo.js';

/** What the constants are for stands where they are used; `test/unit/adapting.spec.ts` simulates what they come to. */
export const ADAPTING = {
  /** Requests that may be under way until the service has accepted one. */
  firstInFlight: 8,
  /** Pause after a refusal, … */
  pauseMs: 300,
  /** … and after one while nothing is accepted. */
  probeMs: 1_000,
  /** Decrease factor of what was allowed, if as much was accepted all the same. */
  decrease: 0.95,
  /** Increase factor, and how often, once a ceiling is known; … */
  increase: 1.05,
  increaseEveryMs: 2_000,
  /** … until then, from a cut of the chunks on; … */
  searchIncrease: 1.25,
  /** … and from an accepted probe on. */
  restartIncrease: 2,
  searchEveryMs: 1_000,
  /** How long a refusal is remembered before more is tried: longer with each one at the same ceiling. */
  waitsMs: [10_000, 20_000, 40_000, 60_000],
  /** Below so many requests a second chunks become smaller, so that there are twice as many; … */
  fewRequests: 10,
  /** … and above so many they become larger again. */
  manyRequests: 40,
  /** Smaller chunks that take fewer recipients than this share of before don't help. */
  helped: 0.6,
} as const;

/** The least that is tried: one permit a minute. */
const LEAST = 1 / 60;
const SECOND_MS = 1_000;

/** A request that was let go. */
export interface SentRequest {
  /** When it was let go, in monotonic milliseconds. */
  readonly takenAt: number;
  readonly permits: number;
  readonly recipients: number;
  /** Whether nothing else was let go within the second before it. */
  readonly isAlone: boolean;
}

interface Accepted {
  readonly at: number;
  readonly permits: number;
  readonly recipients: number;
}

/** What is tried, and what to return to if that is refused. */
interface Trial {
  readonly since: number;
  readonly allowed: number;
  readonly chunk: number;
}

/**
 * How much of the limit may be used, by what the service refuses: others may use the account too, or it counts
 * otherwise than this process does. Additive increase, multiplicative decrease, of two things: permits in circulation
 * and recipients in a request, since a request of 600 is never accepted by who counts recipients.
 */
export class AdaptiveLimit {
  #limit: number;
  #allowed: number;
  #chunk = Number.POSITIVE_INFINITY;
  /** The largest chunk that was refused: what to grow back to. */
  #wholeChunk = Number.POSITIVE_INFINITY;
  /** Permits that each recipient costs; 0 if a request costs one however many it has. */
  #perRecipient = 0;
  readonly #accepted = new Fifo<Accepted>();
  #hasAccepted = false;
  /** Whether something that was let go after the last cut was accepted. */
  #hasAcceptedSinceCut = true;
  /** Nothing is accepted: one request at a time, until one is. */
  #isProbing = false;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #cutAt = Number.NEGATIVE_INFINITY;
  #refusedTrials = 0;
  #trial: Trial | undefined;
  #raiseAt = Number.POSITIVE_INFINITY;
  /** Smaller chunks are tried: what was accepted a second, in recipients, with those before. */
  #smallerTrial: { readonly recipients: number; readonly chunk: number } | undefined;
  /** They did not help: it is requests that the service counts. */
  #countsRequests = false;
  #growth: 'restart' | 'search' | 'known' = 'known';
  /** Up to which a restart doubles. */
  #restartUntil = 0;

  constructor(limit: number) {
    this.#limit = this.#allowed = limit;
  }

  /** Permits that may be in circulation; below 1, one in more than a second. */
  get allowed(): number {
    return this.#allowed;
  }

  /** How many recipients a request should have at most; Infinity: as many as it may. */
  get chunkSize(): number {
    return this.#chunk;
  }

  /** Whether refusals hold it below the limit. */
  get isReduced(): boolean {
    return this.#allowed < this.#limit || this.#chunk < this.#wholeChunk;
  }

  /** Whether it has been refused often enough for an estimate of what the account allows. */
  get isCertain(): boolean {
    return this.isReduced && this.#refusedTrials >= 2 && !this.#isProbing;
  }

  /** How many requests may be under way. */
  get maxInFlight(): number {
    if (this.#isProbing) return 1;
    return this.#hasAccepted ? Number.POSITIVE_INFINITY : ADAPTING.firstInFlight;
  }

  /** How long nothing may be let go, in milliseconds. */
  pauseMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  setLimit(limit: number): void {
    this.#allowed = this.isReduced ? Math.min(this.#allowed, limit) : limit;
    this.#limit = limit;
  }

  /** Forgets refusals, as a new process would. */
  reset(): void {
    this.#allowed = this.#limit;
    this.#chunk = this.#wholeChunk = Number.POSITIVE_INFINITY;
    this.#isProbing = false;
    this.#pausedUntil = this.#cutAt = Number.NEGATIVE_INFINITY;
    this.#raiseAt = Number.POSITIVE_INFINITY;
    this.#trial = this.#smallerTrial = undefined;
    this.#hasAcceptedSinceCut = true;
    this.#countsRequests = false;
    this.#refusedTrials = 0;
  }

  accepted({ takenAt, permits, recipients }: SentRequest, now: number): void {
    this.#hasAccepted = true;
    if (takenAt >= this.#cutAt) this.#hasAcceptedSinceCut = true;
    this.#accepted.push({ at: now, permits, recipients });
    this.#forget(now, SECOND_MS + now - takenAt);
    if (!this.#isProbing) return;
    this.#isProbing = false;
    this.#restartUntil = this.#allowed;
    this.#allowed = Math.min(this.#allowed, permits);
    this.#trial = undefined;
    this.#grow('restart', now + ADAPTING.searchEveryMs);
  }

  /** @param retryAfterMs what the service asks to wait; 0: it does not say */
  refused(request: SentRequest, retryAfterMs: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + retryAfterMs);
    // One cut for all that was let go before it.
    if (request.takenAt < this.#cutAt) return;
    this.#cutAt = now;
    this.#forget(now, SECOND_MS + now - request.takenAt);
    if (this.#accepted.size === 0 || !this.#hasAcceptedSinceCut) this.#collapse(request, now);
    else this.#cut(request, now);
    this.#hasAcceptedSinceCut = false;
  }

  /** Tries more, if it is time to. */
  update(now: number): void {
    while (this.isReduced && !this.#isProbing && now >= this.#raiseAt) this.#raise(this.#raiseAt);
  }

  /** Nothing was accepted lately. If it was refused though it was alone, it is the request that is too large. */
  #collapse({ recipients, permits, isAlone }: SentRequest, now: number): void {
    const isTooLarge = this.#isProbing && isAlone && recipients > 1;
    if (isTooLarge) this.#shrink(Math.ceil(Math.min(this.#chunk, recipients) / 2), recipients, permits);
    else this.#allowed = Math.max(LEAST, this.#allowed / 2);
    this.#isProbing = true;
    this.#pause(Math.max(ADAPTING.probeMs, SECOND_MS / this.#allowed), now);
  }

  #cut(request: SentRequest, now: number): void {
    const trial = this.#trial;
    this.#trial = undefined;
    const accepted = this.#acceptedLately().permits;
    if (trial !== undefined && request.takenAt >= trial.since) {
      const reached = this.#growth === 'known' ? 0 : Math.min(this.#allowed, accepted) * ADAPTING.decrease;
      this.#allowed = Math.max(trial.allowed, reached);
      this.#chunk = trial.chunk;
    } else {
      this.#allowed = Math.min(this.#allowed * ADAPTING.decrease, accepted);
    }
    this.#pause(ADAPTING.pauseMs, now);
    if (this.#smallerChunks(request)) {
      this.#grow('search', now + ADAPTING.searchEveryMs);
      return;
    }
    const waits = ADAPTING.waitsMs;
    this.#grow('known', now + (waits[Math.min(this.#refusedTrials, waits.length - 1)] ?? 0));
    this.#refusedTrials += 1;
  }

  /** Few large requests leave gaps that none of them fits into. @returns whether they are smaller now */
  #smallerChunks({ recipients, permits }: SentRequest): boolean {
    const lately = this.#acceptedLately();
    const before = this.#smallerTrial;
    this.#smallerTrial = undefined;
    if (before !== undefined && lately.recipients < before.recipients * ADAPTING.helped) {
      this.#countsRequests = true;
      this.#chunk = before.chunk;
      this.#allowed = lately.permits;
      return false;
    }
    const chunk = Math.max(1, Math.floor(lately.recipients / (2 * ADAPTING.fewRequests)));
    const size = Math.min(recipients, this.#chunk);
    if (this.#countsRequests || lately.requests >= ADAPTING.fewRequests || chunk >= size) return false;
    this.#smallerTrial = { recipients: lately.recipients, chunk: this.#chunk };
    this.#shrink(chunk, recipients, permits);
    const perRequest = Math.max(1, chunk * this.#perRecipient);
    this.#allowed = Math.min(this.#limit, (lately.recipients / chunk) * perRequest * ADAPTING.decrease);
    return true;
  }

  #shrink(chunk: number, recipients: number, permits: number): void {
    if (this.#chunk === Number.POSITIVE_INFINITY) this.#wholeChunk = recipients;
    this.#perRecipient = permits > 1 ? permits / recipients : 0;
    this.#chunk = chunk;
  }

  #grow(how: 'restart' | 'search' | 'known', at: number): void {
    this.#growth = how;
    this.#raiseAt = at;
  }

  #raise(at: number): void {
    if (this.#trial !== undefined) this.#refusedTrials = 0;
    this.#trial = { since: at, allowed: this.#allowed, chunk: this.#chunk };
    const requests = this.#allowed / Math.max(1, this.#chunk * this.#perRecipient);
    if (this.#chunk < this.#wholeChunk && requests >= ADAPTING.manyRequests) {
      this.#chunk = Math.min(this.#wholeChunk, this.#chunk * 2);
    } else {
      const factor = this.#factor();
      const more =
        this.#allowed < 1 ? this.#allowed * 2 : Math.max(this.#allowed + 1, this.#allowed * factor);
      this.#allowed = Math.min(this.#limit, more);
    }
    const isKnown = this.#growth === 'known';
    this.#raiseAt = at + (isKnown ? ADAPTING.increaseEveryMs : ADAPTING.searchEveryMs);
    if (this.#growth === 'restart' && this.#allowed >= this.#restartUntil) this.#growth = 'known';
    if (!this.isReduced) this.reset();
  }

  #factor(): number {
    if (this.#growth === 'restart') return ADAPTING.restartIncrease;
    return this.#growth === 'search' ? ADAPTING.searchIncrease : ADAPTING.increase;
  }

  #pause(ms: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
  }

  #acceptedLately(): { requests: number; permits: number; recipients: number } {
    const sum = { requests: this.#accepted.size, permits: 0, recipients: 0 };
    for (const { permits, recipients } of this.#accepted) {
      sum.permits += permits;
      sum.recipients += recipients;
    }
    return sum;
  }

  #forget(now: number, afterMs: number): void {
    for (let next = this.#accepted.first; next !== undefined; next = this.#accepted.first) {
      if (now - next.at <= afterMs) return;
      this.#accepted.shift();
    }
  }
}
