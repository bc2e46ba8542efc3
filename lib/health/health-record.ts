import type { RtcEvent, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import { type RecentCounts, SlidingCounts } from '../diagnostics/sliding-counts.js';
import { isRtcActionName } from '../openapi/rtc-action.js';
import type { QuotaStatusChange } from '../quota/quota-store.js';
import { isCredentialsRefusal } from '../retry/retry-decision.js';

/**
 * Kinds of failures that concern the app's connection to the service:
 *
 * - `unreachable`: no connection, or a gateway could not reach the service
 * - `unknown`: the message was sent, and its outcome is unknown
 * - `throttled`: the service refused for the quota
 * - `credentials`: there were no credentials, or the service refused the access key
 * - `refused`: the service refused the account, the app or the clock, which all calls share
 */
export type RtcFailureKind = 'unreachable' | 'unknown' | 'throttled' | 'credentials' | 'refused';

/**
 * How a call ended: accepted, one of the failures, or `other`, which says nothing about the service: it refused a field
 * of the request, this app sends more than its quota, or the caller or the shutdown ended the call.
 */
export type CallKind = 'accepted' | RtcFailureKind | 'other';

/** The kind of a call's end. */
export function kindOf({ outcome, code, apiCode = '', attempts }: RtcOutcomeEvent): CallKind {
  if (outcome === 'accepted') return 'accepted';
  if (code === 'RTC_ABORTED') return 'other';
  if (outcome === 'unknown') return 'unknown';
  if (code === 'RTC_CONFIG' || (outcome === 'rejected' && isCredentialsRefusal(apiCode)))
    return 'credentials';
  const last = attempts.at(-1);
  if (code === 'RTC_QUOTA' || last === undefined) return 'other';
  if (last.throttled) return 'throttled';
  if (outcome === 'not_attempted' || apiCode === 'FailToConnect') return 'unreachable';
  return apiCode.startsWith('InvalidParameter') && !apiCode.includes('AppId') ? 'other' : 'refused';
}

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
    this.#sharedQuota = { status: event.status, failure: event.failure };
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
