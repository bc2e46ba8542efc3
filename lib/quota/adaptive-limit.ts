/** What the constants are for stands where they are used; `test/unit/adapting.spec.ts` simulates what they come to. */
export const ADAPTING = {
  /** Requests that may be under way until the service has accepted one. */
  firstInFlight: 8,
  /** Pause after a refusal, … */
  pauseMs: 300,
  /** … and after one while nothing is accepted: longer with each, up to that of the least rate, in permits a second. */
  probeMs: 1_000,
  leastRate: 1 / 8,
  /** When nothing has been accepted for so long, it is said that everything is refused. */
  refusesAllMs: 15_000,
  /** Decrease factor of what was allowed, if as much was accepted all the same. */
  decrease: 0.95,
  /** Increase factor, and how often, once a ceiling is known; … */
  increase: 1.05,
  increaseEveryMs: 2_000,
  /** … and up to where it was allowed before nothing was accepted, or where nothing is known of a ceiling. */
  fastIncrease: 2,
  fastIncreaseEveryMs: 500,
  /** How long a refusal is remembered before more is tried: longer with each one at the same ceiling. */
  waitsMs: [10_000, 20_000, 40_000, 60_000],
  /** Below so many requests a second chunks become smaller, so that there are twice as many; … */
  fewRequests: 10,
  /** … and above so many they become larger again. */
  manyRequests: 40,
  /** Smaller chunks that take fewer recipients than this share of before don't help. */
  helped: 0.6,
} as const;

const SECOND_MS = 1_000;

/** What the account seems to allow. */
export interface ThrottlingEstimate {
  /** Permits a second; 0: it has refused everything for a while. */
  readonly permitsPerSecond: number;
  /** Recipients in a request, where large ones are refused. */
  readonly chunkSize?: number;
}

/** A request that was let go. */
export interface SentRequest {
  /** When it was let go, in monotonic milliseconds. */
  readonly takenAt: number;
  readonly permits: number;
  readonly recipients: number;
  /** Whether nothing else was let go within the second before it. */
  readonly isAlone: boolean;
}

/** What is tried from some time on, in place of what is returned to if that is refused. */
interface Trial {
  readonly since: number;
  readonly allowed: number;
  readonly chunk: number;
  /** Recipients accepted a second, before. */
  readonly recipients: number;
}

interface AcceptedLately {
  requests: number;
  permits: number;
  recipients: number;
}

/**
 * How much of the limit may be used, by what the service refuses: others may use the account too, or it counts
 * otherwise than this process does. It increases by small steps and decreases at once, in two things: permits in circulation
 * and recipients in a request, since a request of 600 is never accepted by a service that counts recipients.
 */
export class AdaptiveLimit {
  #allowed: number;
  #chunk = Infinity;
  /** The largest chunk that was refused: what to grow back to. */
  #wholeChunk = Infinity;
  /** Permits for each recipient of the largest requests. */
  #perRecipient = 0;
  /** By the millisecond, in order: at any rate, there are as few as the garbage collector does not mind. */
  readonly #accepted: (AcceptedLately & { readonly at: number })[] = [];
  #hasAnswered = false;
  /** Whether something that was let go after the last cut was accepted. */
  #hasAcceptedSinceCut = true;
  /** Nothing is accepted: one request at a time, until one is. */
  #isProbing = false;
  #probingSince = 0;
  #pausedUntil = -Infinity;
  #cutAt = -Infinity;
  #trial: Trial | undefined;
  #refusedTrials = 0;
  #raiseAt = Infinity;
  /** Up to which it increases fast: what was allowed before nothing was accepted, … */
  #fastUntil = 0;
  /** … and in chunks of what size. */
  #chunkBefore = Infinity;
  /** Smaller chunks did not help: it is requests that the service counts. */
  #countsRequests = false;

  constructor(private limit: number) {
    this.#allowed = limit;
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
    return this.#allowed < this.limit || this.#chunk < this.#wholeChunk;
  }

  /** What the account seems to allow, once it has refused often enough to tell. */
  get estimate(): ThrottlingEstimate | undefined {
    const refusesAll = this.#cutAt - this.#probingSince >= ADAPTING.refusesAllMs;
    if (this.#isProbing) return refusesAll ? { permitsPerSecond: 0 } : undefined;
    if (!this.isReduced || this.#refusedTrials < 2) return undefined;
    return {
      permitsPerSecond: Math.round(this.#allowed * 10) / 10,
      ...(this.#chunk < this.#wholeChunk && { chunkSize: this.#chunk }),
    };
  }

  /** How many requests may be under way. */
  get maxInFlight(): number {
    if (this.#isProbing) return 1;
    return this.#hasAnswered ? Infinity : ADAPTING.firstInFlight;
  }

  /** How long nothing may be let go, in milliseconds. */
  pauseMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  setLimit(limit: number): void {
    this.#allowed = this.isReduced ? Math.min(this.#allowed, limit) : limit;
    this.limit = limit;
  }

  /** Forgets refusals, as a new process would. */
  reset(): void {
    this.#allowed = this.limit;
    this.#chunk = this.#wholeChunk = Infinity;
    this.#isProbing = this.#countsRequests = false;
    this.#hasAcceptedSinceCut = true;
    this.#pausedUntil = this.#cutAt = -Infinity;
    this.#trial = undefined;
    this.#refusedTrials = this.#fastUntil = 0;
    this.#raiseAt = Infinity;
  }

  /** The service has answered, and not that there is too much. */
  answered(): void {
    this.#hasAnswered = true;
  }

  accepted(request: SentRequest, now: number): void {
    this.answered();
    if (request.takenAt >= this.#cutAt) this.#hasAcceptedSinceCut = true;
    this.#note(request, Math.floor(now));
    this.#forget(request);
    if (!this.#isProbing) return;
    this.#isProbing = false;
    this.#allowed = Math.min(this.#allowed, request.permits);
    this.#try(now, 0);
    // They may have been refused for what has ended: one refusal tells.
    this.#chunk = Math.max(this.#chunk, Math.min(this.#chunkBefore, this.#wholeChunk));
    this.#raiseAt = now + ADAPTING.fastIncreaseEveryMs;
  }

  /** @param retryAfterMs what the service asks to wait; 0: it does not say */
  refused(request: SentRequest, retryAfterMs: number, now: number): void {
    this.#pause(retryAfterMs, now);
    // One cut for all that was let go before it.
    if (request.takenAt < this.#cutAt) return;
    this.#cutAt = now;
    const lately = this.#acceptedLately(request);
    if (lately.requests === 0 || !this.#hasAcceptedSinceCut) this.#collapse(request, now);
    else this.#cut(request, lately, now);
    this.#hasAcceptedSinceCut = false;
  }

  /** Tries more, if it is time to. */
  update(now: number): void {
    while (!this.#isProbing && now >= this.#raiseAt) this.#raise(this.#raiseAt);
  }

  /** Nothing was accepted lately. If it was refused though it was alone, it is the request that is too large. */
  #collapse(request: SentRequest, now: number): void {
    const { recipients, isAlone } = request;
    if (this.#isProbing && isAlone && recipients > 1)
      this.#shrink(Math.ceil(Math.min(this.#chunk, recipients) / 2), request);
    else {
      if (!this.#isProbing) {
        this.#probingSince = now;
        this.#fastUntil = this.#allowed;
        this.#chunkBefore = this.#chunk;
      }
      this.#allowed = Math.max(ADAPTING.leastRate, this.#allowed / 2);
    }
    this.#isProbing = true;
    this.#pause(Math.max(ADAPTING.probeMs, SECOND_MS / this.#allowed), now);
  }

  #cut(request: SentRequest, lately: AcceptedLately, now: number): void {
    const trial = request.takenAt >= (this.#trial?.since ?? Infinity) ? this.#trial : undefined;
    const reached = Math.min(this.#allowed, lately.permits);
    this.#pause(ADAPTING.pauseMs, now);
    this.#fastUntil = 0;
    if (this.#triesSmallerChunks && (trial === undefined || trial.since + SECOND_MS > request.takenAt)) {
      // What was accepted lately is not yet of these.
      this.#allowed = reached * ADAPTING.decrease;
      this.#raiseAt = now + SECOND_MS;
      return;
    }
    if (trial === undefined) this.#allowed = Math.min(this.#allowed * ADAPTING.decrease, reached);
    else if (!this.#triesSmallerChunks) {
      this.#allowed = Math.max(trial.allowed, reached * ADAPTING.decrease);
      this.#chunk = trial.chunk;
    } else if (lately.recipients < trial.recipients * ADAPTING.helped) {
      this.#countsRequests = true;
      this.#allowed = lately.permits;
      this.#chunk = trial.chunk;
    } else this.#allowed = reached * ADAPTING.decrease;
    this.#trial = undefined;
    if (this.#makeSmallerChunks(request, lately, now)) return;
    const waits = ADAPTING.waitsMs;
    this.#raiseAt = now + (waits[Math.min(this.#refusedTrials, waits.length - 1)] ?? 0);
    this.#refusedTrials += 1;
  }

  get #triesSmallerChunks(): boolean {
    return this.#trial !== undefined && this.#trial.chunk > this.#chunk;
  }

  /** Few large requests leave gaps that none of them fits into. @returns whether they are smaller now */
  #makeSmallerChunks(request: SentRequest, lately: AcceptedLately, now: number): boolean {
    const chunk = Math.max(1, Math.floor(lately.recipients / (2 * ADAPTING.fewRequests)));
    const isSmaller = chunk < Math.min(request.recipients, this.#chunk);
    if (this.#countsRequests || lately.requests >= ADAPTING.fewRequests || !isSmaller) return false;
    this.#try(now, lately.recipients);
    this.#shrink(chunk, request);
    const perRequest = Math.max(1, chunk * this.#perRecipient);
    this.#allowed = Math.min(this.limit, (lately.recipients / chunk) * perRequest * ADAPTING.decrease);
    this.#fastUntil = this.limit;
    this.#raiseAt = now + ADAPTING.increaseEveryMs / 2;
    return true;
  }

  #shrink(chunk: number, { recipients, permits }: SentRequest): void {
    if (this.#chunk === Infinity) this.#wholeChunk = recipients;
    this.#perRecipient = permits / recipients;
    this.#chunk = chunk;
  }

  #raise(at: number): void {
    // What was tried until now has not been refused.
    if (this.#trial !== undefined) this.#refusedTrials = 0;
    if (!this.#triesSmallerChunks) this.#try(at, 0);
    const isFast = this.#allowed < this.#fastUntil;
    this.#raiseAt = at + (isFast ? ADAPTING.fastIncreaseEveryMs : ADAPTING.increaseEveryMs);
    const perRequest = Math.max(1, this.#chunk * this.#perRecipient);
    const many = Math.min(ADAPTING.manyRequests, this.limit / perRequest);
    if (this.#chunk < this.#wholeChunk && this.#allowed / perRequest >= many) {
      const chunk = Math.min(this.#wholeChunk, this.#chunk * 2);
      // For the same recipients a second, so that these go on growing by small steps.
      if (perRequest === 1) this.#allowed = Math.max(1, (this.#allowed * this.#chunk) / chunk);
      this.#chunk = chunk;
    } else {
      const more = Math.max(
        this.#allowed * ADAPTING.increase,
        Math.min(this.#allowed * 2, this.#allowed + 1),
      );
      const fast = Math.min(this.#allowed * ADAPTING.fastIncrease, this.#fastUntil);
      this.#allowed = Math.min(this.limit, isFast ? fast : more);
    }
    if (!this.isReduced) this.reset();
  }

  #try(since: number, recipients: number): void {
    this.#trial = { since, allowed: this.#allowed, chunk: this.#chunk, recipients };
  }

  #pause(ms: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
  }

  /** What was accepted within the last second and a round trip. */
  #acceptedLately(request: SentRequest): AcceptedLately {
    this.#forget(request);
    const sum = { requests: 0, permits: 0, recipients: 0 };
    for (const { requests, permits, recipients } of this.#accepted) {
      sum.requests += requests;
      sum.permits += permits;
      sum.recipients += recipients;
    }
    return sum;
  }

  #note({ permits, recipients }: SentRequest, at: number): void {
    const last = this.#accepted.at(-1);
    if (last?.at !== at) {
      this.#accepted.push({ at, requests: 1, permits, recipients });
      return;
    }
    last.requests += 1;
    last.permits += permits;
    last.recipients += recipients;
  }

  #forget({ takenAt }: SentRequest): void {
    const accepted = this.#accepted;
    while (accepted[0] !== undefined && accepted[0].at < takenAt - SECOND_MS) accepted.shift();
  }
}
