/** Each constant is explained where it is used. `test/unit/adapting.spec.ts` simulates their effect. */
const ADAPTING = {
  /** Requests that may be in flight until the service has accepted one. */
  firstInFlight: 8,
  /** Pause after a refusal. */
  pauseMs: 300,
  /** Pause after a refusal while nothing is accepted. It grows to the interval of the least rate. */
  probeMs: 1_000,
  /** Least rate, a second. */
  leastRate: 1 / 8,
  /** The estimate says that the service refuses everything after this long without an acceptance. */
  refusesAllMs: 15_000,
  /** Decrease factor after a refusal, if nearly all that was allowed was accepted. */
  decrease: 0.95,
  /** Increase factor and its interval near a known ceiling. */
  increase: 1.05,
  increaseEveryMs: 2_000,
  /** Increase factor and its interval up to the value before the collapse, or without a known ceiling. */
  fastIncrease: 2,
  fastIncreaseEveryMs: 500,
  /** How long a ceiling is respected before a higher rate is tried. It doubles with each refusal there. */
  waitMs: 10_000,
  mostWaitMs: 60_000,
  /** Below this many requests a second, the service is taken to count recipients. */
  fewRequests: 10,
  /** Requests a second, at least, that a rate of recipients is sent in. */
  requests: 20,
  /** If a rate of recipients carries less than this fraction of what whole chunks did, the service counts requests. */
  helped: 0.6,
} as const;

export const SECOND_MS = 1_000;

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

/** A higher rate, or one of recipients, that is being tried. */
interface Trial {
  readonly since: number;
  /** The rate to return to if it is refused. */
  readonly rate: number;
  /** Recipients accepted a second by whole chunks, if a rate of recipients is tried. */
  readonly recipients?: number;
}

/**
 * Adapts the limit to the service's refusals (additive increase, multiplicative decrease). Refusals come when other
 * programs use the account, or when the service counts otherwise than this process. A service that counts recipients
 * never accepts a request of 600. So what adapts is a rate: of permits or, if few requests are accepted, of recipients.
 * Chunks of that rate are as large as leaves enough requests a second, since a few large ones leave gaps in the quota.
 */
export class AdaptiveLimit {
  /** How many requests may be in flight. 1: nothing is accepted at present, and probes are sent. */
  maxInFlight: number = ADAPTING.firstInFlight;
  /** Permits a second or, if `#wholeChunk` is not 0, recipients. */
  #rate: number;
  /** The size of the chunk that was refused, while recipients count. Chunks grow back to it. 0: permits count. */
  #wholeChunk = 0;
  /** Permits for each recipient of a large request. */
  #perRecipient = 0;
  /** Recipients only count because of refused probes, which may have had another cause. */
  #isGuess = false;
  /** A rate of recipients did not help, so the service counts requests. */
  #countsRequests = false;
  readonly #accepted: { readonly at: number; readonly request: SentRequest }[] = [];
  /** When the last request was sent that was accepted. */
  #acceptedSentAt = -Infinity;
  #probingSince = 0;
  #pausedUntil = -Infinity;
  #decreasedAt = -Infinity;
  #trial: Trial | undefined;
  #refusedTrials = 0;
  #raiseAt = Infinity;
  /** The rate increases fast up to this value: the rate before the collapse. */
  #fastUntil = 0;
  #reported: ThrottlingEstimate | undefined;

  constructor(
    private limit: number,
    private readonly onEstimate?: (estimate: ThrottlingEstimate | undefined) => void,
  ) {
    this.#rate = limit;
  }

  /** Permits in circulation. Below 1: one permit in more than a second. */
  get allowed(): number {
    const { chunkSize } = this;
    const requests = this.#rate / chunkSize;
    return Math.min(this.limit, chunkSize === Infinity ? this.#rate : requests * this.#costOf(chunkSize));
  }

  /** Largest number of recipients in a request. Infinity: no limit. */
  get chunkSize(): number {
    if (this.#wholeChunk === 0) return Infinity;
    let chunk = this.#wholeChunk;
    // Halves, so that a chunk that was made for another rate is cut without a rest.
    while ((chunk - 1) * this.#leastRequests(chunk) > this.#rate) chunk = Math.ceil(chunk / 2);
    return chunk;
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
    const isSmaller = chunkSize < this.#wholeChunk;
    return { permitsPerSecond: Math.round(allowed * 10) / 10, ...(isSmaller && { chunkSize }) };
  }

  /** How long no request may be sent, in milliseconds. */
  pauseMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  setLimit(limit: number): void {
    if (this.#wholeChunk === 0) this.#rate = this.isReduced ? Math.min(this.#rate, limit) : limit;
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
    const wasProbing = this.#isProbing;
    this.maxInFlight = Infinity;
    if (!wasProbing) return;
    // The refusals may have had a cause that has ended. One more refusal would show it.
    if (this.#isGuess) this.#countPermits(request.permits);
    else this.#rate = Math.min(this.#rate, this.#wholeChunk === 0 ? request.permits : request.recipients);
    this.#isGuess = false;
    this.#trial = { since: now, rate: this.#rate };
    this.#raiseAt = now + ADAPTING.fastIncreaseEveryMs;
  }

  /** @param retryAfterMs how long the service asks to wait. 0: it does not say. */
  refused(request: SentRequest, retryAfterMs: number, now: number): void {
    this.#pause(retryAfterMs, now);
    // Only one decrease for all requests that were sent before it.
    if (request.takenAt < this.#decreasedAt) return;
    this.#forgetAccepted(request);
    const refusesAll = this.#accepted.length === 0 || this.#acceptedSentAt <= this.#decreasedAt;
    this.#decreasedAt = now;
    if (refusesAll) this.#collapse(request, now);
    else this.#decrease(request, now);
  }

  /** Tries a higher rate, if it is time to, and reports what the account seems to allow. */
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
    this.maxInFlight = Math.max(this.maxInFlight, ADAPTING.firstInFlight);
    this.#pausedUntil = -Infinity;
    this.#recover();
  }

  get #isProbing(): boolean {
    return this.maxInFlight === 1;
  }

  /** Nothing was accepted in the last second. If a probe is refused, the request itself may be too large. */
  #collapse(request: SentRequest, now: number): void {
    const { recipients, isAlone } = request;
    if (!this.#isProbing) {
      this.#probingSince = now;
      this.#fastUntil = this.#rate;
    } else if (isAlone && recipients > 1) {
      if (this.#wholeChunk === 0) {
        this.#countRecipients(request, Infinity);
        this.#isGuess = true;
      }
      this.#rate = Math.min(this.#rate, recipients * this.#leastRequests(recipients));
    }
    this.#rate = Math.max(ADAPTING.leastRate, this.#rate / 2);
    this.maxInFlight = 1;
    this.#pause(Math.max(ADAPTING.probeMs, SECOND_MS / this.allowed), now);
  }

  #decrease(request: SentRequest, now: number): void {
    const trial = request.takenAt >= (this.#trial?.since ?? Infinity) ? this.#trial : undefined;
    const recipients = this.#acceptedLately('recipients');
    const permits = this.#acceptedLately('permits');
    const reached = Math.min(this.#rate, this.#wholeChunk === 0 ? permits : recipients);
    const before = this.#rate;
    this.#pause(ADAPTING.pauseMs, now);
    this.#fastUntil = 0;
    this.#rate = reached * ADAPTING.decrease;
    if (this.#trial?.recipients !== undefined) {
      // The acceptances of the last second must be those of the new rate.
      if (this.#trial.since + SECOND_MS > request.takenAt) {
        this.#raiseAt = now + SECOND_MS;
        return;
      }
      this.#countsRequests = recipients < this.#trial.recipients * ADAPTING.helped;
      if (this.#countsRequests) this.#countPermits(permits);
    } else if (trial === undefined) this.#rate = Math.min(before * ADAPTING.decrease, reached);
    else this.#rate = Math.max(trial.rate, this.#rate);
    this.#trial = undefined;
    const areFew = this.#accepted.length < ADAPTING.fewRequests && request.recipients > 1;
    if (areFew && this.#wholeChunk === 0 && !this.#countsRequests) {
      this.#countRecipients(request, recipients * ADAPTING.decrease);
      this.#trial = { since: now, rate: permits, recipients };
      this.#fastUntil = Infinity;
      this.#raiseAt = now + SECOND_MS;
      return;
    }
    this.#raiseAt = now + Math.min(ADAPTING.mostWaitMs, ADAPTING.waitMs * 2 ** this.#refusedTrials);
    this.#refusedTrials += 1;
  }

  #raise(at: number): void {
    // The rate of the last trial was not refused.
    if (this.#trial !== undefined) this.#refusedTrials = 0;
    const rate = this.#rate;
    if (this.#trial?.recipients === undefined) this.#trial = { since: at, rate };
    const isFast = rate < this.#fastUntil;
    this.#raiseAt = at + (isFast ? ADAPTING.fastIncreaseEveryMs : ADAPTING.increaseEveryMs);
    const more = Math.max(rate * ADAPTING.increase, Math.min(rate * 2, rate + 1));
    this.#rate = isFast ? Math.min(rate * ADAPTING.fastIncrease, this.#fastUntil) : more;
    if (!this.isReduced) this.#recover();
  }

  #recover(): void {
    this.#countPermits(this.limit);
    this.#countsRequests = this.#isGuess = false;
    this.#trial = undefined;
    this.#refusedTrials = 0;
    this.#raiseAt = Infinity;
  }

  #countPermits(rate: number): void {
    this.#wholeChunk = 0;
    this.#rate = rate;
  }

  #countRecipients({ recipients, permits }: SentRequest, rate: number): void {
    this.#rate = rate;
    this.#wholeChunk = recipients;
    this.#perRecipient = permits / recipients;
  }

  #costOf(chunk: number): number {
    return Math.max(1, chunk * this.#perRecipient);
  }

  /** Requests a second, at least, that the rate should be sent in: no more than the limit allows. */
  #leastRequests(chunk: number): number {
    return Math.min(ADAPTING.requests, this.limit / this.#costOf(chunk));
  }

  #pause(ms: number, now: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, now + ms);
  }

  #acceptedLately(what: 'permits' | 'recipients'): number {
    return this.#accepted.reduce((total, { request }) => total + request[what], 0);
  }

  /** Keeps what was accepted since a second before a request was sent. */
  #forgetAccepted({ takenAt }: SentRequest): void {
    const accepted = this.#accepted;
    while (accepted[0] !== undefined && accepted[0].at < takenAt - SECOND_MS) accepted.shift();
  }
}
