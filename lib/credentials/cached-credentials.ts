import { isDeepStrictEqual } from 'node:util';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { Redacted } from '../privacy/redacted.js';
import { askProvider } from './ask-provider.js';
import {
  type AskForCredentials,
  providerOf,
  redactCredentials,
  type RtcCredentials,
  type RtcCredentialsOption,
} from './credentials.js';
import type { CredentialsSource, CredentialsStatus } from './credentials-source.js';

/** The clock and the callback of a credentials cache. */
export interface CredentialsWatch {
  /**
   * This machine's clock: milliseconds since the epoch. If it is slow, credentials may expire before they seem to. Then
   * the service refuses them, and they are replaced.
   */
  readonly now: () => number;
  /** Called after each request to the provider. `warning` describes a flaw of the credentials that it returned. */
  readonly onAsked: (result: { failure?: string; warning?: string; usable: boolean }) => void;
}

/** Temporary credentials are renewed this long before their expiration, or after four fifths of a shorter lifetime. */
const REFRESH_AHEAD_MS = 5 * 60_000;
/** Without an `expiration`, the provider is asked again in the background after this long. */
const REFRESH_AFTER_MS = 60_000;
/** Time limit for the provider. After it, the provider counts as failed. */
const PROVIDER_TIMEOUT_MS = 10_000;
/** A provider that failed, or that gave refused credentials again, is not asked for this long. */
const REST_MS = 1_000;

interface Held {
  readonly credentials: Redacted<RtcCredentials>;
  /** When the provider returned them. */
  readonly since: number;
  readonly refreshAt: number;
  readonly validUntil: number;
}

/**
 * Caches a provider's credentials until it is time to renew them. Concurrent calls share one request to the provider.
 * While the cached credentials are valid, a failing provider does no harm.
 */
export class CachedCredentials implements CredentialsSource {
  readonly #provider: AskForCredentials;
  readonly #watch: CredentialsWatch;
  #held: Held | undefined;
  #asking: Promise<Held> | undefined;
  /** How the provider failed, since it last succeeded. */
  #failure: RtcConfigError | undefined;
  #restsSince = Number.NEGATIVE_INFINITY;

  constructor(
    provider: AskForCredentials,
    watch: CredentialsWatch,
    private readonly providerTimeoutMs = PROVIDER_TIMEOUT_MS,
  ) {
    this.#provider = provider;
    this.#watch = watch;
  }

  get(): Redacted<RtcCredentials> | Promise<Redacted<RtcCredentials>> {
    const held = this.#valid();
    if (held === undefined) {
      if (this.#failure !== undefined && this.#isResting()) return Promise.reject(this.#failure);
      return this.#ask().then(({ credentials }) => credentials);
    }
    const now = this.#watch.now();
    // Also if the clock was set back since.
    const isDue = now >= held.refreshAt || now < held.since;
    if (isDue && !this.#isResting()) {
      // Its failure is emitted.
      this.#ask().catch(() => undefined);
    }
    return held.credentials;
  }

  async replace(refused: Redacted<RtcCredentials>): Promise<boolean> {
    const isReplaced = (): boolean =>
      this.#held !== undefined && !isDeepStrictEqual(this.#held.credentials.open(), refused.open());
    if (isReplaced()) return true;
    try {
      // A request that is in flight may be older than the change that caused the refusal.
      await this.#asking;
      if (!isReplaced() && !this.#isResting()) await this.#ask();
    } catch {
      // The caller gets the refusal as an error. The operator gets the provider's failure in the log.
      return false;
    }
    if (isReplaced()) return true;
    if (!this.#isResting()) this.#rest();
    return false;
  }

  get status(): CredentialsStatus {
    const failure = this.#failure && describe(this.#failure);
    const held = this.#valid();
    if (held === undefined) {
      return failure === undefined ? { state: 'pending' } : { state: 'unusable', failure };
    }
    const expiresInMs = held.validUntil - this.#watch.now();
    return {
      state: failure === undefined ? 'fresh' : 'ageing',
      ageMs: this.#watch.now() - held.since,
      ...(Number.isFinite(expiresInMs) && { expiresInMs: Math.round(expiresInMs) }),
      ...(failure !== undefined && { failure }),
    };
  }

  #valid(): Held | undefined {
    return this.#held !== undefined && this.#watch.now() < this.#held.validUntil ? this.#held : undefined;
  }

  #isResting(): boolean {
    const restedMs = this.#watch.now() - this.#restsSince;
    // Below 0, the clock was set back.
    return restedMs >= 0 && restedMs < REST_MS;
  }

  #rest(): void {
    this.#restsSince = this.#watch.now();
  }

  /** Asks the provider, or joins a request in flight. */
  #ask(): Promise<Held> {
    return (this.#asking ??= this.#askOnce());
  }

  async #askOnce(): Promise<Held> {
    try {
      const { expiration, ...keys } = await askProvider(this.#provider, this.providerTimeoutMs);
      const now = this.#watch.now();
      // The service decides whether they have expired. If this check alone refused them, no call could be signed.
      const hasPassed = expiration !== undefined && expiration <= now;
      const validUntil = hasPassed || expiration === undefined ? Infinity : expiration;
      const refreshAfterMs =
        validUntil === Infinity
          ? REFRESH_AFTER_MS
          : Math.max(validUntil - now - REFRESH_AHEAD_MS, ((validUntil - now) * 4) / 5);
      const credentials = redactCredentials(keys);
      this.#held = { credentials, since: now, refreshAt: now + refreshAfterMs, validUntil };
      this.#failure = undefined;
      this.#watch.onAsked({ ...(hasPassed && { warning: PASSED }), usable: true });
      return this.#held;
    } catch (error) {
      this.#failure = error as RtcConfigError;
      this.#rest();
      this.#watch.onAsked({ failure: describe(this.#failure), usable: this.#valid() !== undefined });
      throw error;
    } finally {
      this.#asking = undefined;
    }
  }
}

const PASSED =
  'the expiration that the provider gave has passed (is it in milliseconds?). The credentials are used as if they had none';

/** Problems never quote a provider's values or messages. */
function describe({ problems }: RtcConfigError): string {
  return problems
    .map(({ option, message }) => (option === 'credentials' ? message : `${option}: ${message}`))
    .join('; ');
}

const noOther = (): Promise<boolean> => Promise.resolve(false);

/** @param setting an error if there are none: calls fail with it */
export function createCredentialsSource(
  setting: Redacted<RtcCredentialsOption> | RtcConfigError,
  watch: CredentialsWatch,
): CredentialsSource {
  if (setting instanceof RtcConfigError)
    return { get: () => Promise.reject(setting), replace: noOther, status: { state: 'pending' } };
  const option = setting.open();
  const provider = providerOf(option);
  if (provider !== undefined) return new CachedCredentials(provider, watch);
  const credentials = redactCredentials(option as RtcCredentials);
  return { get: () => credentials, replace: noOther, status: { state: 'fixed' } };
}
