import type { RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
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
