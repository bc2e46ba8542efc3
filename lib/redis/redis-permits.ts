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

/**
 * How many permits one command asks for, in milliseconds of the limit: enough for few commands, and few enough to leave
 * some to other processes.
 */
const BATCH_MS = 30;
const ROUND_TRIPS = 3;
/**
 * When Redis gave fewer permits than were asked for, the next command waits a random time in this range. By then, Redis
 * has free permits again. The random time keeps all processes from asking at once.
 */
const ASK_AGAIN_MS = { least: 120, most: 240 };
/** Returned permits are reported this long after the last command, so that other processes can take them. */
const FLUSH_MS = 400;
/** For fan-outs, as many permits are asked for as were used in this time, even if fewer requests wait at present. */
const EXPECTED_MS = 350;
/** A permit that is still unused this long after its time is returned, well within its lease. */
const UNUSED_MS = 400;
/** Interval between attempts to reconnect, and when a silent connection is given up. */
export const RECONNECT_EVERY_MS = 250;
const SILENT_CONNECTION_MS = 2_000;

/** A scope of shared permits, with its current limit. */
export type SharedScope = Omit<QuotaScope, 'name' | 'limit'> & { limit: number };

/** This process's view of one scope of permits in Redis. Times are on this process's clock. */
export class RedisPermits {
  /** Why Redis is unavailable, while it is. */
  failure: string | undefined;
  readonly #process = randomBytes(6).toString('hex');
  #takes = 0;
  /** The last answer whose permits were or may have been used. */
  #known: Pick<PermitAnswer, 'generation' | 'now'> | undefined;
  #doubt: '' | 'doubt' | 'returns' = '';
  readonly #skew = new ClockSkew();
  /** Permits in hand, sorted by the time from which each may be used. */
  #stock: { readonly name: string; readonly due: number }[] = [];
  #isAsking = false;
  #isClosed = false;
  #askAgainAt = 0;
  #creditMs = 0;
  readonly #used = new SlidingCounts<'permit'>(EXPECTED_MS);
  readonly #flushing: NodeJS.Timeout;

  /**
   * @param onAway called with the reason when Redis becomes unavailable, and with undefined when it is available (also
   * the first time)
   */
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
    // Ask before the permits in hand run out.
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

  /** New names for this many permits. */
  namesOf(permits: number): string[] {
    const take = ++this.#takes;
    return Array.from({ length: permits }, (_none, index) => `${this.#process}:${take}:${index + 1}`);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#flushing);
    this.runner.close();
  }

  /** Whether no command can be sent now. */
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
    // Again while one command has no room for all reports.
    for (let command = 0; command < 10 && !this.#isBusy && hasReports(); command++) await this.#run();
  }

  /** Sends one command with all reports that are due. */
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
    // The command came too late, and Redis did nothing.
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

  /** Redis may have lost its data. All permits that are out are reported again, and those in hand are not used. */
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

  /** One command at a time, so that Redis answers few when it returns. */
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
