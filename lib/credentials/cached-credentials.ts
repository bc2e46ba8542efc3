import { type ConfigProblem, RtcConfigError } from '../errors/rtc-config.error.js';
import { redactCredentials, type ResolveCredentials, type RtcCredentials } from './credentials.js';
import type { CredentialsSource, CredentialsStatus } from './credentials-source.js';
import type { Redacted } from '../privacy/redacted.js';
import { Interrupted, TimeBox } from '../waiting/time-box.js';

/** The clocks and the callback of a credentials cache. */
export interface CredentialsWatch {
  /** This machine's clock: milliseconds since the epoch. */
  readonly now: () => number;
  /** The service's clock, which an `expiration` refers to. */
  readonly serviceNow: () => number;
  /** Called after each request to the provider. `warning` describes a flaw of the credentials that it returned. */
  readonly onAsked: (result: { failure?: string; warning?: string; usable: boolean }) => void;
}

/** Temporary credentials are renewed this long before their expiration, or after four fifths of a shorter lifetime. */
const REFRESH_AHEAD_MS = 5 * 60_000;
/** Without an `expiration`, the provider is asked again in the background after this long. */
const REFRESH_AFTER_MS = 60_000;
/**
 * Without an `expiration`, calls wait for the provider after this long, since credentials that were idle for hours may
 * have expired.
 */
const WAIT_AFTER_MS = 5 * 60_000;
/** Time limit for the provider. After it, the provider counts as failed. */
const PROVIDER_TIMEOUT_MS = 10_000;
/** Wait after a failure of the provider while valid credentials are in hand. It doubles with each failure. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** Longest wait for the provider while valid credentials are in hand. */
const PATIENCE_MS = 1_000;
/** Without valid credentials, calls fail for this long after a failure without asking the provider again. */
const REST_MS = 200;
/**
 * If the provider returns credentials that the service has refused, it is not asked for a replacement for this long.
 */
const FRUITLESS_MS = 10_000;

interface Held {
  readonly credentials: Redacted<RtcCredentials>;
  /** When the provider returned them, by this machine's clock. */
  readonly since: number;
  /** The clock of the times below. */
  readonly clock: 'now' | 'serviceNow';
  /** When to ask the provider again in the background. */
  readonly refreshAt: number;
  /** When calls begin to wait for the provider. */
  readonly waitAt: number;
  readonly validUntil: number;
}

/**
 * Caches a provider's credentials until it is time to renew them. Concurrent calls share one request to the provider.
 * While the cached credentials are valid, a failing provider does no harm.
 */
export class CachedCredentials implements CredentialsSource {
  readonly #resolve: ResolveCredentials;
  readonly #watch: CredentialsWatch;
  #held: Held | undefined;
  #asking: Promise<Held> | undefined;
  #askedAt = 0;
  /** How the provider failed, since it last succeeded. */
  #failure: { readonly error: unknown; readonly at: number; readonly count: number } | undefined;
  #noReplacementBefore = Number.NEGATIVE_INFINITY;

  constructor(
    resolve: ResolveCredentials,
    watch: CredentialsWatch,
    private readonly providerTimeoutMs = PROVIDER_TIMEOUT_MS,
  ) {
    this.#resolve = resolve;
    this.#watch = watch;
  }

  get(): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials>> {
    const held = this.#held;
    if (held === undefined || !this.#isValid(held)) {
      if (this.#isWithin(REST_MS)) return Promise.reject(this.#failure?.error as Error);
      return this.#ask().then(({ credentials }) => credentials);
    }
    const now = this.#watch[held.clock]();
    const retryMs = Math.min(RETRY_MS * 2 ** ((this.#failure?.count ?? 1) - 1), MAX_RETRY_MS);
    if (now < held.refreshAt || this.#isWithin(retryMs)) return held.credentials;
    const renewed = this.#ask().then(
      ({ credentials }) => credentials,
      () => held.credentials,
    );
    const patience = now < held.waitAt ? 0 : this.#askedAt + PATIENCE_MS - this.#watch.now();
    if (patience <= 0) return held.credentials;
    return withinTime(renewed, patience).catch(() => held.credentials);
  }

  async replace(refused: Redacted<RtcCredentials>): Promise<boolean> {
    if (this.#held !== undefined && !isSame(this.#held.credentials, refused)) return true;
    if (this.#watch.now() < this.#noReplacementBefore) return false;
    try {
      // A request to the provider that is already in flight may be older than the change that caused the refusal.
      const askedBefore = this.#asking;
      let { credentials } = await this.#ask();
      if (isSame(credentials, refused) && askedBefore !== undefined) ({ credentials } = await this.#ask());
      if (!isSame(credentials, refused)) return true;
      this.#noReplacementBefore = this.#watch.now() + FRUITLESS_MS;
    } catch {
      // The caller gets the refusal as an error. The operator gets the provider's failure in the log.
      this.#noReplacementBefore = this.#watch.now() + RETRY_MS;
    }
    return false;
  }

  get status(): CredentialsStatus {
    const failure = this.#failure === undefined ? undefined : describe(this.#failure.error);
    const held = this.#held;
    if (held === undefined || !this.#isValid(held)) {
      return failure === undefined ? { state: 'pending' } : { state: 'unusable', failure };
    }
    const expiresInMs = held.validUntil - this.#watch[held.clock]();
    return {
      state: failure === undefined ? 'fresh' : 'ageing',
      ageMs: this.#watch.now() - held.since,
      ...(Number.isFinite(expiresInMs) && { expiresInMs: Math.round(expiresInMs) }),
      ...(failure !== undefined && { failure }),
    };
  }

  #isValid({ clock, validUntil }: Held): boolean {
    return this.#watch[clock]() < validUntil;
  }

  /** Whether the provider failed so recently. */
  #isWithin(ms: number): boolean {
    return this.#failure !== undefined && this.#watch.now() < this.#failure.at + ms;
  }

  /** Asks the provider, or joins a request in flight. */
  #ask(): Promise<Held> {
    if (this.#asking === undefined) {
      this.#askedAt = this.#watch.now();
      this.#asking = this.#askOnce().finally(() => {
        this.#asking = undefined;
      });
    }
    return this.#asking;
  }

  async #askOnce(): Promise<Held> {
    let warning: string | undefined;
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = await withinTime(
        this.#resolve(),
        this.providerTimeoutMs,
      );
      const credentials = redactCredentials({ accessKeyId, secretAccessKey, sessionToken });
      // The service decides whether they have expired. If this check alone refused them, no call could be signed.
      const hasPassed = expiration !== undefined && expiration <= this.#watch.serviceNow();
      if (hasPassed) warning = describePassed(expiration);
      this.#held = schedule(credentials, hasPassed ? undefined : expiration, this.#watch);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = { error, at: this.#watch.now(), count: (this.#failure?.count ?? 0) + 1 };
      const usable = this.#held !== undefined && this.#isValid(this.#held);
      this.#watch.onAsked({ failure: describe(error), usable });
      throw error;
    }
    this.#watch.onAsked({ ...(warning !== undefined && { warning }), usable: true });
    return this.#held;
  }
}

/** An expiration before this is probably in seconds: read as milliseconds, it is a day in 1970. */
const EARLIEST_MS = Date.UTC(2000);

function describePassed(expiration: number): string {
  const seconds = expiration < EARLIEST_MS ? ', in milliseconds (it looks like seconds)' : '';
  return `the expiration that the provider gave has passed${seconds}. The credentials are used as if they had none`;
}

/** @param expiration milliseconds since the epoch, by the service's clock */
function schedule(
  credentials: Redacted<RtcCredentials>,
  expiration: number | undefined,
  watch: CredentialsWatch,
): Held {
  const now = watch.now();
  if (expiration === undefined) {
    return {
      credentials,
      since: now,
      clock: 'now',
      refreshAt: now + REFRESH_AFTER_MS,
      waitAt: now + WAIT_AFTER_MS,
      validUntil: Number.POSITIVE_INFINITY,
    };
  }
  const ahead = Math.min(REFRESH_AHEAD_MS, (expiration - watch.serviceNow()) / 5);
  return {
    credentials,
    since: now,
    clock: 'serviceNow',
    refreshAt: expiration - ahead,
    waitAt: expiration,
    validUntil: expiration,
  };
}

/** Rejects with an RtcConfigError after the time limit. */
async function withinTime<T>(work: Promise<T>, limitMs: number): Promise<T> {
  const box = new TimeBox(limitMs).unref();
  try {
    return await box.guard(work);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const message = `the provider did not answer within ${limitMs} ms`;
    throw new RtcConfigError([{ option: 'credentials', message }]);
  } finally {
    box.dispose();
  }
}

function isSame(one: Redacted<RtcCredentials>, another: Redacted<RtcCredentials>): boolean {
  const [a, b] = [one.open(), another.open()];
  return (
    a.accessKeyId === b.accessKeyId &&
    a.secretAccessKey === b.secretAccessKey &&
    a.sessionToken === b.sessionToken
  );
}

/** Problems never quote a provider's values or messages. */
function describe(error: unknown): string {
  return error instanceof RtcConfigError ? error.problems.map(describeProblem).join('; ') : 'failed';
}

function describeProblem({ option, message }: ConfigProblem): string {
  return option === 'credentials' ? message : `${option}: ${message}`;
}

/** @param setting fixed credentials, or a function that asks the provider */
export function createCredentialsSource(
  setting: Redacted<RtcCredentials> | ResolveCredentials,
  watch: CredentialsWatch,
): CredentialsSource {
  if (typeof setting === 'function') return new CachedCredentials(setting, watch);
  return { get: () => setting, replace: () => Promise.resolve(false), status: { state: 'fixed' } };
}
