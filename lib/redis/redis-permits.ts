import { randomBytes } from 'node:crypto';
import type { PermitSource, QuotaScope } from '../quota/quota-store.js';
import { LEASE_MS, readAnswer, TAKE_PERMITS, USABLE_MS } from './permit-script.js';
import type { RedisConnection } from './redis-connection.js';

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
/** How long before the end of the lease a request must have left. */
const MARGIN_MS = 200;
/** Interval between attempts to reconnect, and when a silent connection is given up. */
const RECONNECT_EVERY_MS = 250;
const SILENT_CONNECTION_MS = 2_000;

/** The permits that this process holds of one scope in Redis. While Redis is unavailable, it holds none. */
export class RedisPermits implements PermitSource {
  readonly #process = randomBytes(6).toString('hex');
  /** The last answer. */
  #known = { generation: 0, now: 0, target: 0, holdMs: 0 };
  #held = 0;
  /** What Redis was last told. */
  #told = { wanted: 0, together: 0 };
  #askedAt = -Infinity;
  /** When the last command was sent that was answered. */
  #servedAt = -Infinity;
  /** Why Redis is unavailable. */
  #away: string | undefined;
  /** Whether this process was not served for so long that others may have what it holds. */
  #isLapsed = false;
  #renewedAt = 0;
  #isAsking = false;
  #isClosed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly connection: Pick<RedisConnection, 'acquire' | 'release' | 'renew' | 'run'>,
    private readonly key: string,
    private readonly scope: Omit<QuotaScope, 'name'>,
    public limit = scope.limit,
  ) {
    connection.acquire();
  }

  request(): void {
    if (this.#away !== undefined) return;
    const now = performance.now();
    const { out, wanted, together } = this.scope.demand();
    const lacks = out + together > this.#held;
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
    const { out, wanted, together } = this.scope.demand();
    this.#isLapsed ||= this.#held > 0 && askedAt - this.#servedAt > LAPSED_MS;
    const isLapsed = this.#isLapsed;
    const wasAway = this.#away !== undefined;
    this.#held = isLapsed ? out : Math.min(this.#held, Math.max(out, Math.min(this.#known.target, wanted)));
    this.#told = { wanted, together };
    this.#askedAt = askedAt;
    if (!wasAway) this.#report();
    const { generation, now: seen } = this.#known;
    const lapsed = isLapsed ? 'lapsed' : '';
    const told = [generation, seen, lapsed, this.limit, this.#held, out, wanted, together];
    const result = await this.connection.run(TAKE_PERMITS, [this.key], [this.#process, ...told]);
    this.#isAsking = false;
    if (this.#isClosed) return;
    if ('failure' in result) {
      this.#goAway(result.failure);
      return;
    }
    const answer = readAnswer(result.reply);
    if (this.#known.generation === 0 || wasAway) this.scope.onStatus({ status: 'shared' });
    this.#away = undefined;
    this.#known = answer;
    this.#servedAt = askedAt;
    this.#isLapsed = wasAway;
    // What was sent meanwhile is not known yet.
    this.#held = wasAway ? 0 : answer.held;
    this.#askIn(wasAway ? 0 : this.#nextAskMs(out));
    this.#report();
  }

  #nextAskMs(out: number): number {
    const { target, holdMs } = this.#known;
    const held = this.#held;
    const isShort = target > held || this.#told.together > held;
    const isOver = held > Math.max(out, target);
    const changeMs = isOver ? OVER_MS : isShort ? Math.max(SHORT_MS, holdMs) : Infinity;
    const keepMs = held === 0 ? Infinity : out > FEW ? BUSY_MS : QUIET_MS;
    return Math.min(changeMs, keepMs);
  }

  #goAway(failure: string): void {
    const now = performance.now();
    if (this.#away === undefined) {
      this.#away = failure;
      this.#renewedAt = now;
      this.#isLapsed = true;
      this.scope.onStatus({ status: 'refusing', failure });
      this.#report();
    }
    if (now - this.#renewedAt > SILENT_CONNECTION_MS) {
      this.#renewedAt = now;
      this.connection.renew();
    }
    this.#askIn(RECONNECT_EVERY_MS);
  }

  /** Reports to the limiter what this process holds. */
  #report(): void {
    const away = this.#away;
    this.scope.onPermits({
      held: this.#held,
      allowed: away === undefined ? Math.min(this.#held, this.#known.target) : 0,
      usableUntil: this.#servedAt + USABLE_MS,
      endsAt: this.#servedAt + LEASE_MS - MARGIN_MS,
      unavailable:
        away === undefined
          ? undefined
          : { reason: `The shared quota is unavailable: ${away}`, retryAfterMs: RECONNECT_EVERY_MS },
    });
  }
}
