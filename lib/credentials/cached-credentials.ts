import { RtcConfigError } from '../errors/rtc-config.error.js';
import { redactCredentials, type ResolveCredentials, type RtcCredentials } from './credentials.js';
import type { CredentialsSource, CredentialsStatus } from './credentials-source.js';
import type { Redacted } from '../privacy/redacted.js';
import { Interrupted, TimeBox } from '../waiting/time-box.js';

/** What a cache goes by, and whom it tells. */
export interface CredentialsWatch {
  /** This machine's clock: milliseconds since the epoch. */
  readonly now: () => number;
  /** The service's, which is what an `expiration` is meant by. */
  readonly serviceNow: () => number;
  /** After each time that the provider was asked. A warning is of what it gave. */
  readonly onAsked: (result: { failure?: string; warning?: string; usable: boolean }) => void;
}

/** Temporary credentials are renewed this long before they expire, or after four fifths of a shorter life. */
const REFRESH_AHEAD_MS = 5 * 60_000;
/** Without an `expiration`, the provider is asked again in the background after this long, … */
const REFRESH_AFTER_MS = 60_000;
/** … and waited for after this long, since what was idle for hours may have expired unseen. */
const WAIT_AFTER_MS = 5 * 60_000;
/** A provider that does not answer counts as one that failed. */
const PROVIDER_TIMEOUT_MS = 10_000;
/** How long a provider that failed is left alone while there are credentials in hand; doubled each time. */
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;
/** While there are credentials in hand, the provider is not waited for longer than this. */
const PATIENCE_MS = 1_000;
/** Without any, a provider that failed is left alone for this long, and its failure told to all who come. */
const REST_MS = 200;
/** After a refusal that new credentials did not cure, the provider is not asked again for this long. */
const FRUITLESS_MS = 10_000;

interface Held {
  readonly credentials: Redacted<RtcCredentials>;
  /** When the provider gave them, by this machine's clock. */
  readonly since: number;
  /** By which clock the times below are meant. */
  readonly clock: 'now' | 'serviceNow';
  /** From when on the provider is asked again in the background. */
  readonly refreshAt: number;
  /** From when on its answer is waited for. */
  readonly waitAt: number;
  readonly validUntil: number;
}

/**
 * Keeps what a provider gave until it is time to ask again. However many calls need new credentials, the
 * provider is asked once; while those in hand are valid, a provider that fails does no harm.
 */
export class CachedCredentials implements CredentialsSource {
  readonly #resolve: ResolveCredentials;
  readonly #watch: CredentialsWatch;
  #held: Held | undefined;
  #asking: Promise<Held> | undefined;
  #askedAt = 0;
  #failures = 0;
  #failure: unknown;
  #failedAt = 0;
  #notBefore = Number.NEGATIVE_INFINITY;
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
      if (this.#failure !== undefined && this.#watch.now() < this.#failedAt + REST_MS) {
        return Promise.reject(this.#failure as Error);
      }
      return this.#ask().then(({ credentials }) => credentials);
    }
    const now = this.#watch[held.clock]();
    if (now < held.refreshAt || this.#watch.now() < this.#notBefore) return held.credentials;
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
      // One that is being asked already may have been asked before the change that the refusal is of.
      const askedBefore = this.#asking;
      let { credentials } = await this.#ask();
      if (isSame(credentials, refused) && askedBefore !== undefined) ({ credentials } = await this.#ask());
      if (!isSame(credentials, refused)) return true;
      this.#noReplacementBefore = this.#watch.now() + FRUITLESS_MS;
    } catch {
      // The caller is told of the refusal, the operator of the provider.
      this.#noReplacementBefore = this.#watch.now() + RETRY_MS;
    }
    return false;
  }

  get status(): CredentialsStatus {
    const failure = this.#failure === undefined ? undefined : describe(this.#failure);
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

  /** Asks the provider, or joins those who already have. */
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
      // It is for the service to say that they have ended: by this alone, no call would have anything to sign with.
      const hasPassed = expiration !== undefined && expiration <= this.#watch.serviceNow();
      if (hasPassed) warning = describePassed(expiration);
      this.#held = schedule(credentials, hasPassed ? undefined : expiration, this.#watch);
      this.#failures = 0;
      this.#failure = undefined;
      this.#notBefore = Number.NEGATIVE_INFINITY;
    } catch (error) {
      this.#notBefore = this.#watch.now() + Math.min(RETRY_MS * 2 ** this.#failures, MAX_RETRY_MS);
      this.#failures += 1;
      this.#failure = error;
      this.#failedAt = this.#watch.now();
      const usable = this.#held !== undefined && this.#isValid(this.#held);
      this.#watch.onAsked({ failure: describe(error), usable });
      throw error;
    }
    this.#watch.onAsked({ ...(warning !== undefined && { warning }), usable: true });
    return this.#held;
  }
}

/** Taken for milliseconds, seconds since the epoch are a day of 1970. */
const EARLIEST_MS = Date.UTC(2000);

function describePassed(expiration: number): string {
  const seconds = expiration < EARLIEST_MS ? ', in milliseconds (it looks like seconds)' : '';
  return `the expiration of what the provider gave has passed${seconds}; it is taken for one without`;
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

/** Rejects with an RtcConfigError when time is up. */
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

/** Problems never quote what a provider gave or said. */
function describe(error: unknown): string {
  return error instanceof RtcConfigError ? error.problems.map(({ message }) => message).join('; ') : 'failed';
}

/** @param setting fixed ones, or how to ask for them */
export function createCredentialsSource(
  setting: Redacted<RtcCredentials> | ResolveCredentials,
  watch: CredentialsWatch,
): CredentialsSource {
  if (typeof setting === 'function') return new CachedCredentials(setting, watch);
  return { get: () => setting, replace: () => Promise.resolve(false), status: { state: 'fixed' } };
}
