import type { RtcOutcomeEvent } from '../diagnostics/rtc-event.js';

/**
 * How a call failed, as far as that says something of this app's way to the service:
 *
 * - `unreachable`: no connection, or a gateway that reached no one
 * - `unknown`: the message was sent, and nothing proves what became of it
 * - `throttled`: the service refused because the quota was used up
 * - `credentials`: there was nothing to sign with, or the service refused the access key
 * - `refused`: the service refused the account, the app, the clock: what every call has in common
 */
export type RtcFailureKind = 'unreachable' | 'unknown' | 'throttled' | 'credentials' | 'refused';

/**
 * How a call ended. Beside accepted ones and failures, there are those that say nothing of the service:
 *
 * - `invalid`: the service objected to something in the request
 * - `queue`: this app sends more than its quota; the call was not let in, or its time was up while it waited
 * - `aborted`: the caller or the shutdown ended it
 */
export type CallKind = 'accepted' | RtcFailureKind | 'invalid' | 'queue' | 'aborted';

const CREDENTIALS_REFUSED: ReadonlySet<string | undefined> = new Set([
  'InvalidAccessKey',
  'SignatureDoesNotMatch',
  'InvalidSecretToken',
]);

export function isCredentialsRefusal({ outcome, apiCode }: RtcOutcomeEvent): boolean {
  return outcome === 'rejected' && CREDENTIALS_REFUSED.has(apiCode);
}

export function kindOf(event: RtcOutcomeEvent): CallKind {
  const { outcome, code, apiCode = '', attempts } = event;
  if (outcome === 'accepted') return 'accepted';
  if (code === 'RTC_ABORTED') return 'aborted';
  if (outcome === 'unknown') return 'unknown';
  if (code === 'RTC_CONFIG' || isCredentialsRefusal(event)) return 'credentials';
  const last = attempts.at(-1);
  if (code === 'RTC_QUOTA' || last === undefined) return 'queue';
  if (last.throttled) return 'throttled';
  if (outcome === 'not_attempted' || apiCode === 'FailToConnect') return 'unreachable';
  return apiCode.startsWith('InvalidParameter') && !apiCode.includes('AppId') ? 'invalid' : 'refused';
}
