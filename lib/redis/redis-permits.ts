import { randomBytes } from 'node:crypto';
import type { PermitSource, QuotaScope } from '../quota/quota-store.js';
import { COOLING_MS } from '../quota/permit-pool.js';
import { LEASE_MS, type PermitAnswer, readAnswer, TAKE_PERMITS, USABLE_MS } from './permit-script.js';
import type { RedisConnection } from '../redis-client/redis-connection.js';

/** Interval between commands while requests are sent, and while the permits are only held. */
const BUSY_MS = 350;
const QUIET_MS = 1_000;
/** A process with no more permits out than this is quiet. */
const FEW = 2;
/** Interval between commands while this process holds other than it should. */
const SHORT_MS = 50;
const OVER_MS = 10;
/** A process that was not served for this long may have lost its permits. Well within their lease. */
const LAPSED_MS = 2_000;
/**
 * How long before the end of the lease a request must have left: the service counts it in another second than those that
 * others send then.
 */
const MARGIN_MS = COOLING_MS + 200;
/** Interval between attempts to reconnect. */
const RECONNECT_EVERY_MS = 250;

/** The permits that this process holds of one scope in Redis. While Redis is unavailable, it holds none. */
export class RedisPermits implements PermitSource {
  readonly #process = randomBytes(6).toString('hex');
  /** The last answer. */
  #known: PermitAnswer = { generation: 0, now: 0, held: 0, target: 0, holdMs: 0 };
  #held = 0;
  /** What Redis was last told. */
  #told = { wanted: 0, together: 0 };
  #askedAt = -Infinity;
  /** When the last command was sent that was answered. */
  #servedAt = -Infinity;
  /** Why Redis is unavailable. */
  #failure: string | undefined;
  /** Whether this process was not served for so long that others may have what it holds. */
  #isLapsed = false;
  #isAsking = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: Pick<RedisConnection, 'acquire' | 'release' | 'run'>,
    private readonly key: string,
    private readonly scope: Omit<QuotaScope, 'name'>,
  ) {
    connection.acquire();
  }

  request(): void {
    if (this.#failure !== undefined) return;
    const now = performance.now();
    const { out, wanted, together } = this.scope.demand();
    // Few permits are spent slowly: a fan-out asks for more before they are out.
    const lacks = out + together > this.#held || wanted > 2 * this.#held;
    const isNews = wanted > this.#told.wanted || together > this.#told.together;
    if ((lacks && isNews) || now >= this.#servedAt + USABLE_MS) this.#askIn(this.#askedAt + SHORT_MS - now);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.connection.release();
  }

  #askIn(ms: number): void {
    if (this.#isAsking || this.#isClosed || ms === Infinity) return;
    clearTimeout(this.#timer);
    if (ms <= 0) void this.#ask();
    else this.#timer = setTimeout(() => void this.#ask(), ms).unref();
  }

  /** Sends one command. It tells what this process keeps and needs, and is answered with what it holds. */
  async #ask(): Promise<void> {
    this.#isAsking = true;
    const askedAt = performance.now();
    const { limit, out, wanted, together } = this.scope.demand();
    const { generation, now: seen, target } = this.#known;
    const wasAway = this.#failure !== undefined;
    this.#isLapsed ||= this.#held > 0 && askedAt - this.#servedAt > LAPSED_MS;
    this.#held = this.#isLapsed ? out : Math.min(this.#held, Math.max(out, Math.min(target, wanted)));
    this.#told = { wanted, together };
    this.#askedAt = askedAt;
    if (generation > 0 && !wasAway) this.#report();
    const lapsed = this.#isLapsed ? 'lapsed' : '';
    const told = [this.#process, generation, seen, lapsed, limit, this.#held, out, wanted, together, askedAt];
    const result = await this.connection.run(TAKE_PERMITS, [this.key], told);
    this.#isAsking = false;
    if (this.#isClosed) return;
    if ('failure' in result) {
      this.#failure ??= result.failure;
      this.#isLapsed = true;
      this.#askIn(RECONNECT_EVERY_MS);
      if (!wasAway) this.#report();
      return;
    }
    this.#failure = undefined;
    this.#known = readAnswer(result.reply);
    this.#servedAt = askedAt;
    this.#isLapsed = wasAway;
    // What was sent meanwhile is not known yet.
    this.#held = wasAway ? 0 : this.#known.held;
    this.#askIn(wasAway ? 0 : this.#nextAskMs(out));
    this.#report();
  }

  #nextAskMs(out: number): number {
    const { target, holdMs } = this.#known;
    const held = this.#held;
    const keepMs = held === 0 ? Infinity : out > FEW ? BUSY_MS : QUIET_MS;
    if (held > Math.max(out, target)) return OVER_MS;
    const isShort = target > held || this.#told.together > held;
    return isShort ? Math.min(keepMs, Math.max(SHORT_MS, holdMs)) : keepMs;
  }

  /** Reports to the limiter what this process holds. */
  #report(): void {
    const failure = this.#failure;
    this.scope.onPermits({
      permits: failure === undefined ? Math.min(this.#held, this.#known.target) : 0,
      usableUntil: this.#servedAt + USABLE_MS,
      endsAt: this.#servedAt + LEASE_MS - MARGIN_MS,
      ...(failure === undefined ? { status: 'shared' } : { status: 'refusing', failure }),
    });
  }
}
