import type { RtcEvent, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import { type RecentCounts, SlidingCounts } from '../diagnostics/sliding-counts.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import type { QuotaStatusChange } from '../quota/quota-store.js';
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
    // Another action may be refused all the time, and messages get through.
    if (event.type === 'outcome' && isRtcActionName(event.call.action)) this.#add(event);
    // New credentials probably differ from the refused ones.
    if (event.type === 'credentials' && event.status === 'refreshed') this.#refusal = undefined;
    if (event.type !== 'quota') return;
    const { status, failure } = event;
    this.#sharedQuota = { status, ...(failure !== undefined && { failure }) };
  }

  #add(event: RtcOutcomeEvent): void {
    const [kind, now] = [kindOf(event), this.now()];
    this.#calls.add(kind, now);
    if (kind === 'accepted') this.#refusal = undefined;
    else if (kind === 'credentials' && event.apiCode) this.#refusal = { code: event.apiCode, at: now };
  }

  read(): RecentPast {
    const now = this.now();
    // While the health check is down, nobody may send. So only time can end this state.
    const { code, at = -Infinity } = this.#refusal ?? {};
    const credentialsRefusal = now - at < HEALTH_WINDOW_MS ? code : undefined;
    return { ...this.#calls.read(now), credentialsRefusal, sharedQuota: this.#sharedQuota };
  }
}
