import { setTimeout as sleep } from 'node:timers/promises';
import { LocalQuota } from './local-quota.js';
import type { QuotaScope } from '../quota/quota-store.js';
import type { AdjustableQuota, Reservation } from './quota.js';
import { THROTTLING } from './throttling.js';
import { LateAllowance } from './late-allowance.js';
import type { QuotaScriptRunner } from './quota-script-runner.js';

/** How far ahead slots are taken: enough for few commands, and not so much that many are lost with a process. */
const AHEAD_MS = 80;
const MAX_BATCH = 100;
/** How fast it is forgotten that an answer took long: by so much with each that did not. */
const FORGET = 0.1;
/** How often a Redis that is away is looked for. */
const LOOK_MS = 250;
/** An answer that is out for so long will not come by this connection. */
const SILENT_MS = 2_000;
/**
 * A share of one's own begins so long after what others may have reserved of the shared schedule, so that the
 * bursts of both are not in one second.
 */
const CHANGE_OVER_MS = 100;
/** What was sent longer ago than the service looks back need not be told. */
const LOOK_BACK_MS = 1_000;

/** What one process has of a schedule in Redis; and what it goes by while Redis is away. */
export class SharedSchedule implements AdjustableQuota {
  /** Of this process alone: it measures the jitter in any case. */
  readonly #local: LocalQuota;
  readonly #allowance = new LateAllowance();
  /** As all processes have been told. */
  #lateMs = 0;
  readonly #fallbackShare: number | undefined;
  readonly #onStatus: QuotaScope['onStatus'];
  readonly #closing = new AbortController();
  #limit: number;
  /** Why Redis is away, while it is. */
  #failure: string | undefined;
  #status: 'shared' | 'away' | undefined;
  #sharedIntervalMs: number;
  /** About the longest that answers took of late. */
  #answerMs = 0;
  #turnMs: number;
  /** When the next slot is to be expected, on this process's clock. */
  #nextAt = 0;
  /** How far the schedule was used up when this process last had a turn. */
  #aheadMs = 0;
  #sentAlone = 0;
  #lastSentAloneAt = Number.NEGATIVE_INFINITY;
  #toldThrottledAt = Number.NEGATIVE_INFINITY;
  #toldWaitMs = 0;

  constructor(
    private readonly script: QuotaScriptRunner,
    {
      limit,
      fallbackShare,
      onStatus,
    }: Pick<QuotaScope, 'limit' | 'onStatus'> & { readonly fallbackShare: number | undefined },
  ) {
    this.#limit = limit;
    this.#fallbackShare = fallbackShare;
    this.#onStatus = onStatus;
    this.#local = new LocalQuota(this.#localLimit());
    this.#sharedIntervalMs = 1_000 / limit;
    this.#turnMs = this.#sharedIntervalMs;
  }

  get limit(): number {
    return this.#limit;
  }

  set limit(limit: number) {
    this.#limit = limit;
    this.#local.limit = this.#localLimit();
  }

  get batchSize(): number {
    if (this.#isAway) return this.#local.batchSize;
    // More come with an answer than are used until the next one.
    const aheadMs = Math.max(AHEAD_MS, this.#answerMs * 1.5);
    return Math.min(Math.max(1, Math.floor(aheadMs / this.#sharedIntervalMs)), MAX_BATCH);
  }

  get leadMs(): number {
    return this.#isAway ? 0 : this.#answerMs + this.#sharedIntervalMs;
  }

  /** Of this process's own slots: others have theirs in between. */
  get intervalMs(): number {
    return this.#isAway ? this.#local.intervalMs : this.#turnMs;
  }

  get heldMs(): number {
    return this.#isAway ? this.#local.heldMs : Math.max(0, this.#nextAt - performance.now());
  }

  reserve(slots: number): Reservation | Promise<Reservation> {
    return this.#isAway ? this.#reserveAlone() : this.#reserveShared(slots);
  }

  get lateMs(): number {
    return this.#lateMs;
  }

  observeLateness(lateMs: number): void {
    if (!this.#isAway) this.#allowance.observe(lateMs);
  }

  observeRoundTrip(roundTripMs: number): void {
    this.#local.observeRoundTrip(roundTripMs);
  }

  throttled(retryAfterMs: number): void {
    this.#local.throttled(retryAfterMs);
    if (this.#isAway) return;
    const now = performance.now();
    // Refusals come in numbers; once told, all of them are.
    const waitMs = Math.max(retryAfterMs, THROTTLING.pauseMs);
    if (now - this.#toldThrottledAt < THROTTLING.pauseMs / 2 && waitMs <= this.#toldWaitMs) return;
    this.#toldThrottledAt = now;
    this.#toldWaitMs = waitMs;
    void this.script.ask({ op: 'throttled', waitMs }, this.#terms());
  }

  close(): void {
    this.#closing.abort();
    this.script.close();
  }

  get #isAway(): boolean {
    return this.#status === 'away';
  }

  async #reserveShared(slots: number): Promise<Reservation> {
    const askedAt = performance.now();
    const asked = await this.script.ask({ op: 'reserve', slots }, this.#terms());
    if ('failure' in asked) {
      this.#leave(asked.failure);
      return this.#reserveAlone();
    }
    const { answer, localDue } = asked;
    const now = performance.now();
    this.#answerMs = Math.max(now - askedAt, this.#answerMs - (this.#answerMs - now + askedAt) * FORGET);
    // What this process did not get to in time is as good as never asked.
    if (!answer.done) return { slots: 0, delayMs: 0, intervalMs: answer.intervalMs };
    this.#arrive();
    this.#sharedIntervalMs = answer.intervalMs;
    if (answer.slots === 0) {
      this.#nextAt = localDue;
      return { slots: 0, delayMs: Math.max(0, localDue - now), intervalMs: answer.intervalMs };
    }
    const end = localDue + answer.slots * answer.intervalMs;
    this.#turnMs = Math.max(answer.intervalMs, (end - askedAt) / answer.slots);
    this.#nextAt = end;
    this.#aheadMs = end - askedAt;
    return { slots: answer.slots, delayMs: localDue - now, intervalMs: answer.intervalMs };
  }

  /** What this process may send of itself, while Redis is away. */
  #reserveAlone(): Reservation {
    if (this.#fallbackShare === undefined) {
      return {
        slots: 0,
        delayMs: LOOK_MS,
        intervalMs: this.#local.intervalMs,
        unavailable: `The shared quota is unavailable: ${this.#failure}`,
      };
    }
    const reservation = this.#local.reserve();
    if (reservation.slots > 0) {
      this.#sentAlone += reservation.slots;
      this.#lastSentAloneAt = performance.now();
    }
    return reservation;
  }

  #terms(): { limit: number; jitterMs: number } {
    // A slot may be used late by so much, and is taken for due at different moments by different processes.
    this.#lateMs = this.#allowance.lateMs;
    const jitterMs = this.#local.jitterMs + this.#lateMs + this.script.offset.uncertaintyMs;
    return { limit: this.#limit, jitterMs };
  }

  #localLimit(): number {
    const share = this.#limit * (this.#fallbackShare ?? 1);
    // A part of a request would be a whole one of every process in the same second.
    return share >= 1 ? Math.floor(share) : share;
  }

  #arrive(): void {
    if (this.#status === 'shared') return;
    this.#status = 'shared';
    this.#failure = undefined;
    this.#onStatus({ status: 'shared' });
  }

  #leave(failure: string): void {
    if (this.#isAway) return;
    this.#status = 'away';
    this.#failure = failure;
    this.#sentAlone = 0;
    this.#local.hold(this.#aheadMs + CHANGE_OVER_MS);
    this.#onStatus({ status: this.#fallbackShare === undefined ? 'refusing' : 'fallback', failure });
    void this.#lookForRedis();
  }

  /** One question at a time, so that few are answered at once when Redis is back. */
  async #lookForRedis(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#isAway && !signal.aborted) {
      const silent = setTimeout(() => this.script.renewConnection(), SILENT_MS).unref();
      try {
        await this.script.probe();
        if (!signal.aborted) await this.#rejoin();
      } catch {
        // Why it is away has been told.
      } finally {
        clearTimeout(silent);
      }
      if (this.#isAway) await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #rejoin(): Promise<void> {
    const asked = await this.script.ask({ op: 'rejoin', sent: this.#sentOfLate() }, this.#terms());
    if ('failure' in asked) {
      this.#failure = asked.failure;
    } else if (asked.answer.done) {
      this.#nextAt = asked.localDue;
      this.#arrive();
    }
  }

  /** How many were sent alone within the last second, or a few more. */
  #sentOfLate(): number {
    const lookBackMs = LOOK_BACK_MS + this.#local.jitterMs;
    if (performance.now() - this.#lastSentAloneAt > lookBackMs) return 0;
    return Math.min(this.#sentAlone, Math.ceil((this.#localLimit() * lookBackMs) / 1_000));
  }
}
