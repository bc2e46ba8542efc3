import type { RtcEvent } from '../diagnostics/rtc-event.js';
import { SlidingCounts } from '../diagnostics/sliding-counts.js';
import type { QuotaStatusChange } from '../quota/quota-store.js';
import { type CallKind, isCredentialsRefusal, kindOf } from './call-kind.js';

/** How far back failures count, in milliseconds. */
export const HEALTH_WINDOW_MS = 60_000;
const SPANS = 12;

/** What happened lately, for as long as it says something of the present. */
export interface RecentPast {
  readonly counts: ReadonlyMap<CallKind, number>;
  /** Milliseconds. */
  readonly overMs: number;
  /** With which code the service refused the access key, if nothing has been accepted since. */
  readonly credentialsRefusal: string | undefined;
  /** How a quota that processes share is; undefined where it is not, and as long as it is not known. */
  readonly sharedQuota: QuotaStatusChange | undefined;
}

/** Remembers how calls ended lately. Its memory is the same however many there are. */
export class HealthRecord {
  readonly #calls = new SlidingCounts<CallKind>(HEALTH_WINDOW_MS, SPANS);
  #sharedQuota: QuotaStatusChange | undefined;
  #refusal: { readonly code: string; readonly at: number } | undefined;

  /** @param now monotonic milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  onEvent(event: RtcEvent): void {
    switch (event.type) {
      case 'outcome':
        this.#calls.add(kindOf(event), this.now());
        if (event.outcome === 'accepted') this.#refusal = undefined;
        else if (event.apiCode !== undefined && isCredentialsRefusal(event)) {
          this.#refusal = { code: event.apiCode, at: this.now() };
        }
        break;
      case 'credentials':
        // Others than those that were refused, as likely as not.
        if (event.status === 'refreshed') this.#refusal = undefined;
        break;
      case 'quota': {
        const { status, failure } = event;
        this.#sharedQuota = { status, ...(failure !== undefined && { failure }) };
        break;
      }
    }
  }

  read(): RecentPast {
    const now = this.now();
    const { counts, overMs } = this.#calls.read(now);
    // While it is down no one may send anything, so that only time can take it back.
    const holds = this.#refusal !== undefined && now - this.#refusal.at < HEALTH_WINDOW_MS;
    const credentialsRefusal = holds ? this.#refusal?.code : undefined;
    return { counts, overMs, credentialsRefusal, sharedQuota: this.#sharedQuota };
  }
}
