/** Each constant is explained where it is used. `test/unit/adapting.spec.ts` simulates their effect. */
export const ADAPTING = {
  /** Requests that may be in flight until the service has accepted one. */
  firstInFlight: 8,
  /** Pause after a refusal. */
  pauseMs: 300,
  /**
   * Pause after a refusal while nothing is accepted. It doubles with each refusal, up to the interval of the least
   * rate, in permits a second.
   */
  probeMs: 1_000,
  leastRate: 1 / 8,
  /** The estimate says that the service refuses everything after this long without an acceptance. */
  refusesAllMs: 15_000,
  /** Decrease factor after a refusal, if nearly all permits were accepted. */
  decrease: 0.95,
  /** Increase factor and its interval near a known ceiling. */
  increase: 1.05,
  increaseEveryMs: 2_000,
  /** Increase factor and its interval up to the value before the collapse, or without a known ceiling. */
  fastIncrease: 2,
  fastIncreaseEveryMs: 500,
  /** How long a ceiling is respected before a higher limit is tried. It doubles with each refusal there. */
  waitMs: 10_000,
  mostWaitMs: 60_000,
  /** Below this many requests a second, chunks become smaller so that there are twice as many. */
  fewRequests: 10,
  /** Above this many requests a second, chunks become larger again. */
  manyRequests: 40,
  /** If smaller chunks carry less than this fraction of the recipients a second, they don't help. */
  helped: 0.6,
} as const;

const SECOND_MS = 1_000;

/** What the account seems to allow. */
export interface ThrottlingEstimate {
  /** Permits a second. 0: the service has refused everything for a while. */
  readonly permitsPerSecond: number;
  /** Largest number of recipients in a request, if larger requests are refused. */
  readonly chunkSize?: number;
}

/** A request that was sent. */
export interface SentRequest {
  /** When it was sent, in monotonic milliseconds. */
  readonly takenAt: number;
  readonly permits: number;
  readonly recipients: number;
  /** Whether no other request was sent within the second before it. */
  readonly isAlone: boolean;
}

/** The values to return to if the higher limit that is being tried is refused. */
interface Trial {
  readonly since: number;
  readonly allowed: number;
  readonly chunk: number;
  /** Recipients accepted a second before the trial. */
  readonly recipients: number;
}

/** What was accepted in the last second and round trip. */
interface AcceptedLately {
  readonly requests: number;
  readonly permits: number;
  readonly recipients: number;
}

/**
 * Adapts the limit to the service's refusals (additive increase, multiplicative decrease). Refusals come when other
 * programs use the account, or when the service counts otherwise than this process. Two values adapt: permits in
 * circulation, and recipients in a request. A service that counts recipients never accepts a request of 600.
 */
export class AdaptiveLimit {
  /** Permits in circulation. Below 1: one permit in more than a second. */
  allowed: number;
  /** Largest number of recipients in a request. Infinity: no limit. */
  chunkSize = Infinity;
  /** How many requests may be in flight. */
  maxInFlight: number = ADAPTING.firstInFlight;
  /** The size of the first chunk that was refused. Chunks grow back to it. */
  #wholeChunk = Infinity;
  /** Permits for each recipient of a large request. */
  #perRecipient = 0;
  readonly #accepted: { readonly at: number; readonly request: SentRequest }[] = [];
  /** When the last request was sent that was accepted. */
  #acceptedSentAt = -Infinity;
  /** Nothing is accepted at present. One request at a time is sent as a probe. */
  #isProbing = false;
  #probingSince = 0;
  #pausedUntil = -Infinity;
  #decreasedAt = -Infinity;
  #trial: Trial | undefined;
  #refusedTrials = 0;
  #raiseAt = Infinity;
  /** The limit increases fast up to this value: the limit before the collapse. */
  #fastUntil = 0;
  /** Smaller chunks did not help, so the service counts requests. */
  #countsRequests = false;
  #reported: ThrottlingEstimate | undefined;

  constructor(
    private limit: number,
    private readonly onEstimate?: (estimate: ThrottlingEstimate | undefined) => void,
  ) {
    this.allowed = limit;
  }

  /** Whether refusals hold it below the limit. */
  get isReduced(): boolean {
    return this.allowed < this.limit || this.chunkSize < this.#wholeChunk;
  }

  /** What the account seems to allow. Undefined until the service has refused often enough. */
  get estimate(): ThrottlingEstimate | undefined {
    const refusesAll = this.#decreasedAt - this.#probingSince >= ADAPTING.refusesAllMs;
    if (this.#isProbing) return refusesAll ? { permitsPerSecond: 0 } : undefined;
    if (!this.isReduced || this.#refusedTrials < 2) return undefined;
    const { allowed, chunkSize } = this;
    return {
      permitsPerSecond: Math.round(allowed * 10) / 10,
      ...(chunkSize < this.#wholeChunk && { chunkSize }),
    };
  }

  /** How long no request may be sent, in milliseconds. */
  pauseMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  setLimit(limit: number): void {
    this.allowed = this.isReduced ? Math.min(this.allowed, limit) : limit;
    this.limit = limit;
  }

  /** The service answered without refusing for the quota. */
  answered(): void {
    if (!this.#isProbing) this.maxInFlight = Infinity;
  }

  accepted(request: SentRequest, now: number): void {
    this.#acceptedSentAt = Math.max(this.#acceptedSentAt, request.takenAt);
    this.#accepted.push({ at: now, request });
    this.#forgetAccepted(request);
    this.maxInFlight = Infinity;
    if (!this.#isProbing) return;
    this.#isProbing = false;
    this.allowed = Math.min(this.allowed, request.permits);
    this.#try(now, 0);
    // The refusals may have had a cause that has ended. One more refusal would show it.
    this.chunkSize = this.#wholeChunk;
    this.#raiseAt = now + ADAPTING.fastIncreaseEveryMs;
  }

  /** @param retryAfterMs how long the service asks to wait. 0: it does not say. */
  refused(request: SentRequest, retryAfterMs: number, now: number): void {
    this.#pause(retryAfterMs, now);
    // Only one decrease for all requests that were sent before it.
    if (request.takenAt < this.#decreasedAt) return;
    const lately = this.#acceptedLately(request);
    const refusesAll = lately.requests === 0 || this.#acceptedSentAt <= this.#decreasedAt;
    this.#decreasedAt = now;
    if (refusesAll) this.#collapse(request, now);
    else this.#decrease(request, lately, now);
  }

  /** Tries a higher limit, if it is time to, and reports what the account seems to allow. */
  update(now: number): void {
    while (!this.#isProbing && now >= this.#raiseAt) this.#raise(this.#raiseAt);
    const told = this.#reported;
    const estimate = this.isReduced ? (this.estimate ?? told) : undefined;
    // Reported once, and again when a service that refused everything accepts something.
    const isKnown = estimate !== undefined && (told?.permitsPerSecond ?? 0) > 0;
    if (isKnown || estimate?.permitsPerSecond === told?.permitsPerSecond) return;
    this.#reported = estimate;
    this.onEstimate?.(estimate);
  }

  /** Forgets all refusals, as a new process would. */
  forget(): void {
    this.allowed = this.limit;
    this.maxInFlight = Math.max(this.maxInFlight, ADAPTING.firstInFlight);
    this.#isProbing = false;
    this.#pausedUntil = -Infinity;
    this.#recover();
  }

  /** Nothing was accepted in the last second. If a probe is refused, the request itself is too large. */
  #collapse(request: SentRequest, now: number): void {
    const { recipients, isAlone } = request;
    if (this.#isProbing && isAlone && recipients > 1)
      this.#shrink(Math.ceil(Math.min(this.chunkSize, recipients) / 2), request);
    else {
      if (!this.#isProbing) {
        this.#probingSince = now;
        this.#fastUntil = this.allowed;
      }
      this.allowed = Math.max(ADAPTING.leastRate, this.allowed / 2);
    }
    this.#isProbing = true;
    this.maxInFlight = 1;
    this.#pause(Math.max(ADAPTING.probeMs, SECOND_MS / this.allowed), now);
  }

  #decrease(request: SentRequest, lately: AcceptedLately, now: number): void {
    const trial = request.takenAt >= (this.#trial?.since ?? Infinity) ? this.#trial : undefined;
    const before = this.allowed;
    const reached = Math.min(before, lately.permits);
    const triesSmallerChunks = this.#triesSmallerChunks;
    this.#pause(ADAPTING.pauseMs, now);
    this.#fastUntil = 0;
    this.allowed = reached * ADAPTING.decrease;
    if (triesSmallerChunks && (trial === undefined || trial.since + SECOND_MS > request.takenAt)) {
      // The acceptances of the last second are not yet those of smaller chunks.
      this.#raiseAt = now + SECOND_MS;
      return;
    }
    if (trial === undefined) this.allowed = Math.min(before * ADAPTING.decrease, reached);
    else if (!triesSmallerChunks) {
      this.allowed = Math.max(trial.allowed, this.allowed);
      this.chunkSize = trial.chunk;
    } else if (lately.recipients < trial.recipients * ADAPTING.helped) {
      this.#countsRequests = true;
      this.allowed = lately.permits;
      this.chunkSize = trial.chunk;
    }
    this.#trial = undefined;
    if (this.#makeSmallerChunks(request, lately, now)) return;
    this.#raiseAt = now + Math.min(ADAPTING.mostWaitMs, ADAPTING.waitMs * 2 ** this.#refusedTrials);
    this.#refusedTrials += 1;
  }

  get #triesSmallerChunks(): boolean {
    return this.#trial !== undefined && this.#trial.chunk > this.chunkSize;
  }

  /** Permits of a request of the largest size. */
  get #perRequest(): number {
    return Math.max(1, this.chunkSize * this.#perRecipient);
  }

  /**
   * A few large requests leave gaps in the quota that no other large request fits into. @returns whether chunks became
   * smaller
   */
  #makeSmallerChunks(request: SentRequest, lately: AcceptedLately, now: number): boolean {
    const chunk = Math.max(1, Math.floor(lately.recipients / (2 * ADAPTING.fewRequests)));
    const isSmaller = chunk < Math.min(request.recipients, this.chunkSize);
    if (this.#countsRequests || lately.requests >= ADAPTING.fewRequests || !isSmaller) return false;
    this.#try(now, lately.recipients);
    this.#shrink(chunk, request);
    const permits = (lately.recipients / chunk) * this.#perRequest;
    this.allowed = Math.min(this.limit, permits * ADAPTING.decrease);
    this.#fastUntil = this.limit;
    this.#raiseAt = now + ADAPTING.increaseEveryMs / 2;
    return true;
  }

  #shrink(chunk: number, { recipients, permits }: SentRequest): void {
    if (this.chunkSize === Infinity) this.#wholeChunk = recipients;
    this.#perRecipient = permits / recipients;
    this.chunkSize = chunk;
  }

  #raise(at: number): void {
    // The values of the last trial were not refused.
    if (this.#trial !== undefined) this.#refusedTrials = 0;
    if (!this.#triesSmallerChunks) this.#try(at, 0);
    const { allowed, chunkSize } = this;
    const isFast = allowed < this.#fastUntil;
    this.#raiseAt = at + (isFast ? ADAPTING.fastIncreaseEveryMs : ADAPTING.increaseEveryMs);
    const perRequest = this.#perRequest;
    const many = Math.min(ADAPTING.manyRequests, this.limit / perRequest);
    if (chunkSize < this.#wholeChunk && allowed / perRequest >= many) {
      this.chunkSize = Math.min(this.#wholeChunk, chunkSize * 2);
      // The same number of recipients a second, so that they go on growing by small steps.
      if (perRequest === 1) this.allowed = Math.max(1, (allowed * chunkSize) / this.chunkSize);
    } else if (isFast) this.allowed = Math.min(this.limit, this.#fastUntil, allowed * ADAPTING.fastIncrease);
    else {
      const more = Math.max(allowed * ADAPTING.increase, Math.min(allowed * 2, allowed + 1));
      this.allowed = Math.min(this.limit, more);
    }
    if (!this.isReduced) this.#recover();
  }

  #recover(): void {
    this.chunkSize = this.#wholeChunk = this.#raiseAt = Infinity;
    this.#countsRequests = false;
    this.#trial = undefined;
    this.#refusedTrials = 0;
  }

  #try(since: number, recipients: number): void {
    this.#trial = { since, allowed: this.allowed, chunk: this.chunkSize, recipients };
  }

  #pause(ms: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
  }

  #acceptedLately(request: SentRequest): AcceptedLately {
    this.#forgetAccepted(request);
    const sum = (of: 'permits' | 'recipients'): number =>
      this.#accepted.reduce((total, accepted) => total + accepted.request[of], 0);
    return { requests: this.#accepted.length, permits: sum('permits'), recipients: sum('recipients') };
  }

  #forgetAccepted({ takenAt }: SentRequest): void {
    const accepted = this.#accepted;
    while (accepted[0] !== undefined && accepted[0].at < takenAt - SECOND_MS) accepted.shift();
  }
}
