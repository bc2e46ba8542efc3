import type { RtcEvent } from '../diagnostics/rtc-event.js';
import { type RecentCounts, SlidingCounts } from '../diagnostics/sliding-counts.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import type { QuotaStatusChange } from '../quota/quota-store.js';
import { isCredentialsRefusal } from '../retry/retry-decision.js';
import { type CallKind, kindOf } from './call-kind.js';

/** How far back failures count, in milliseconds. */
export const HEALTH_WINDOW_MS = 60_000;
const SPANS = 12;

/** Recent events that describe the present state. */
export interface RecentPast extends RecentCounts<CallKind> {
  /** The code with which the service refused the access key, if nothing was accepted since. */
  readonly credentialsRefusal: string | undefined;
  /** State of a shared quota. Undefined if the quota is not shared or its state is not known yet. */
  readonly sharedQuota: QuotaStatusChange | undefined;
}

/** Records how recent calls ended. Its memory does not grow with the number of calls. */
export class HealthRecord {
  readonly #calls = new SlidingCounts<CallKind>(HEALTH_WINDOW_MS, SPANS);
  #sharedQuota: QuotaStatusChange | undefined;
  #refusal: { readonly code: string; readonly at: number } | undefined;

  /** @param now monotonic milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  onEvent(event: RtcEvent): void {
    switch (event.type) {
      case 'outcome':
        // Another action may be refused all the time, and messages get through.
        if (!isRtcActionName(event.call.action)) break;
        this.#calls.add(kindOf(event), this.now());
        if (event.outcome === 'accepted') this.#refusal = undefined;
        else if (event.outcome === 'rejected' && isCredentialsRefusal(event.apiCode ?? ''))
          this.#refusal = { code: event.apiCode ?? '', at: this.now() };
        break;
      case 'credentials':
        // New credentials probably differ from the refused ones.
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
    // While the health check is down, nobody may send. So only time can end this state.
    const holds = this.#refusal !== undefined && now - this.#refusal.at < HEALTH_WINDOW_MS;
    const credentialsRefusal = holds ? this.#refusal?.code : undefined;
    return { ...this.#calls.read(now), credentialsRefusal, sharedQuota: this.#sharedQuota };
  }
}
