import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import { burstOf } from '../quota/permit-pool.js';
import type { Permit, Priority } from '../quota/permit.js';
import type { PermitDelay, PermitDemand, QuotaScope } from '../quota/quota-store.js';
import { ClockSkew } from './clock-skew.js';
import { LEASE_MS, type PermitAnswer } from './permit-script.js';
import type { PermitsOut } from './permits-out.js';
import type { ScriptRunner } from './script-runner.js';

/** How much is asked for at once: enough for few commands, and no more than the others leave. */
const BATCH_MS = 30;
const ROUND_TRIPS = 3;
/**
 * When Redis has given fewer than that, it is asked again so much later, at random: before what it may have by then is
 * free, and not by all processes at once, of which the first would have it all.
 */
const ASK_AGAIN_MS = { least: 120, most: 240 };
/** So long after the last command Redis is told of answers, which leaves others the time to take the permits. */
const FLUSH_MS = 400;
/** Of a bulk, as many are asked for as were used in so long of late, though fewer may be waiting yet. */
const EXPECTED_MS = 350;
/** A permit that was not used by so long after it might have been is given back: well within its lease. */
const UNUSED_MS = 400;
/** How often a Redis that is away is tried, and when a connection that says nothing is given up. */
export const RECONNECT_EVERY_MS = 250;
const SILENT_CONNECTION_MS = 2_000;

/** What permits are shared for, with its present limit. */
export type SharedScope = Omit<QuotaScope, 'name' | 'limit'> & { limit: number };

/** The permits of one scope in Redis, as one process has them. Times are on this process's clock. */
export class RedisPermits {
  /** Why Redis is away, while it is. */
  failure: string | undefined;
  readonly #process = randomBytes(6).toString('hex');
  #takes = 0;
  /** The last answer of which permits were used, or might have been. */
  #known: Pick<PermitAnswer, 'generation' | 'now'> | undefined;
  #doubt: '' | 'doubt' | 'returns' = '';
  readonly #skew = new ClockSkew();
  /** Those that may be used from some time on, the first first. */
  #stock: { readonly name: string; readonly due: number }[] = [];
  #isAsking = false;
  #isClosed = false;
  #askAgainAt = 0;
  #creditMs = 0;
  readonly #used = new SlidingCounts<'permit'>(EXPECTED_MS);
  readonly #flushing: NodeJS.Timeout;

  /** @param onAway Redis is away, and why; undefined: it is there, which is told at first, too */
  constructor(
    private readonly runner: ScriptRunner,
    private readonly out: PermitsOut,
    private readonly scope: SharedScope,
    private readonly onAway: (failure: string | undefined) => void,
  ) {
    this.#flushing = setInterval(() => void this.#flush(), FLUSH_MS).unref();
  }

  take(permits: number, { priority, waiting, creditMs }: PermitDemand): Permit | PermitDelay {
    const now = performance.now();
    this.#creditMs = creditMs;
    this.#dropUnused(now);
    const quietMs = this.out.quietMs(now);
    if (quietMs > 0) return { delayMs: quietMs };
    // Before they run out.
    const covered = Math.floor(this.#stock.length / permits);
    const aheadMs = Math.max(BATCH_MS, ROUND_TRIPS * this.#skew.roundTripMs);
    const batch = Math.max(1, Math.floor((this.scope.limit * aheadMs) / 1_000 / permits));
    const mayAsk = !this.#isBusy && now >= this.#askAgainAt;
    if (mayAsk && waiting > covered && covered <= batch / 2) {
      const used = this.#used.read(now).counts.get('permit') ?? 0;
      const expected = priority === 'bulk' ? Math.max(waiting, Math.floor(used / permits)) : waiting;
      void this.#run(permits * Math.min(expected - covered, batch), permits, priority);
    }
    const last = this.#stock[permits - 1];
    if (last === undefined) return { delayMs: mayAsk || this.#isBusy ? Infinity : this.#askAgainAt - now };
    if (last.due > now) return { delayMs: last.due - now };
    const names = this.#stock.splice(0, permits).map(({ name }) => name);
    this.#used.add('permit', now, permits);
    return this.out.hold(names, now + LEASE_MS - UNUSED_MS);
  }

  /** Names for as many permits as none has had. */
  namesOf(permits: number): string[] {
    const take = ++this.#takes;
    return Array.from({ length: permits }, (_none, index) => `${this.#process}:${take}:${index + 1}`);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#flushing);
    this.runner.close();
  }

  /** Whether there is a command under way, or is to be none. */
  get #isBusy(): boolean {
    return this.#isAsking || this.#isClosed || this.failure !== undefined;
  }

  #dropUnused(now: number): void {
    const inTime = this.#stock.filter(({ due }) => due + UNUSED_MS > now);
    const unused = this.#stock.slice(0, this.#stock.length - inTime.length);
    this.out.drop(unused.map(({ name }) => name));
    this.#stock = inTime;
  }

  async #flush(): Promise<void> {
    this.#dropUnused(performance.now());
    const hasReports = (): boolean => this.#doubt !== '' || this.out.unreported(performance.now()).length > 0;
    // Once more for what one command has no room for.
    for (let command = 0; command < 10 && !this.#isBusy && hasReports(); command++) await this.#run();
  }

  /** One command, with all that Redis is to be told. */
  async #run(wanted = 0, together = 1, priority: Priority = 'bulk'): Promise<void> {
    this.#isAsking = true;
    this.#flushing.refresh();
    const askedAt = performance.now();
    const names = this.namesOf(wanted);
    const reports = this.out.unreported(askedAt);
    const known = this.#known;
    const answer = await this.runner.run([
      this.#process,
      this.#takes,
      wanted,
      together,
      this.scope.limit,
      burstOf(this.scope.limit),
      this.#creditMs,
      priority,
      this.#doubt,
      known?.generation ?? 0,
      known?.now ?? 0,
      this.#skew.isKnown ? this.#skew.toServer(askedAt + this.runner.timeoutMs) : 0,
      ...reports.flatMap(({ permit, until }) =>
        permit.names.flatMap((name) => [name, until === 0 ? 0 : this.#skew.toServer(until)]),
      ),
    ]);
    this.#isAsking = false;
    if ('failure' in answer) {
      this.out.drop(names);
      this.#goAway(answer.failure);
      return;
    }
    const answeredAt = performance.now();
    const fits = this.#skew.record(askedAt, answer.now, answeredAt);
    // It came too late, so that nothing was done.
    if (answer.generation === '') this.#doubt = fits ? this.#doubt : 'doubt';
    else {
      this.out.markReported(reports);
      this.#known = answer;
      const isNew = known !== undefined && answer.generation !== known.generation;
      this.#doubt = fits || isNew ? '' : 'doubt';
      if (known === undefined && this.failure === undefined) this.onAway(undefined);
      if (fits && !isNew) this.#fill(answer.dues, names, answeredAt);
      else this.#reportAllAgain(names);
    }
    this.scope.onChange();
  }

  #fill(dues: readonly number[], names: string[], now: number): void {
    const filled = dues.map((due, index) => ({ name: names[index] ?? '', due: this.#skew.toLocal(due) }));
    this.#stock = [...this.#stock, ...filled].sort((one, other) => one.due - other.due);
    if (names.length === 0) return;
    const { least, most } = ASK_AGAIN_MS;
    const isServed = dues.length === names.length;
    this.#askAgainAt = isServed ? 0 : now + least + (most - least) * Math.random();
  }

  /** Redis may know nothing of what is out: it is to be told of all, and what it gave out before is not used. */
  #reportAllAgain(unused: readonly string[]): void {
    this.out.drop([...unused, ...this.#stock.map(({ name }) => name)]);
    this.#stock = [];
    this.out.reportAllAgain();
    void this.#flush();
  }

  #goAway(failure: string): void {
    if (this.failure !== undefined || this.#isClosed) return;
    this.failure = failure;
    this.#reportAllAgain([]);
    this.onAway(failure);
    this.scope.onChange();
    void this.#reconnect();
  }

  /** One command at a time, so that few are answered at once when Redis is back. */
  async #reconnect(): Promise<void> {
    let since = performance.now();
    for (;;) {
      await sleep(RECONNECT_EVERY_MS, undefined, { ref: false });
      if (this.#isClosed) return;
      this.#doubt = 'returns';
      await this.#run();
      if (this.#doubt !== 'returns') break;
      if (performance.now() - since > SILENT_CONNECTION_MS) {
        this.runner.renewConnection();
        since = performance.now();
      }
    }
    this.failure = undefined;
    this.#askAgainAt = 0;
    this.onAway(undefined);
    await this.#flush();
    this.scope.onChange();
  }
}
