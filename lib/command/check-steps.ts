import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { isNameFailure } from '../retry/api-hints.js';
import { isCertificateFailure } from '../retry/retry-decision.js';

/** What a request passes on its way, in that order: whatever is before the one that it failed at is right. */
export const STEPS = [
  'settings',
  'DNS',
  'connection',
  'TLS',
  'answer',
  'throttling',
  'access key',
  'clock',
  'signature',
  'permission',
  'app',
  'region',
] as const;

export type Step = (typeof STEPS)[number];

/** A line of the check. */
export interface Finding {
  readonly step: Step | 'messaging' | 'quota';
  /** `unknown`: the access key may not ask; `skipped`: something else has to be mended first. */
  readonly status: 'ok' | 'warning' | 'failed' | 'unknown' | 'skipped';
  /** What was found, and what to do about it. */
  readonly message: string;
}

const OF_CODES: readonly (readonly [RegExp, Step | 'messaging'])[] = [
  [/^(Account)?FlowLimitExceeded/, 'throttling'],
  [/^Invalid(AccessKey|SecretToken)/, 'access key'],
  [/^InvalidTimestamp/, 'clock'],
  [
    /^(SignatureDoesNotMatch|Missing(Signature|Auth|RequestInfo)|Invalid(Authorization|Credential))/,
    'signature',
  ],
  [/^AccessDenied\.NoPermissionForApp|^InvalidParameter\.\w*AppId/, 'app'],
  // It is no matter of the key: with messaging off, the service refuses every key.
  [/^AccessDenied\.ServiceNotEnabled/, 'messaging'],
  [/^(AccessDenied|LackPolicy|InvalidActionOrVersion)/, 'permission'],
];

/** Where a request got stuck. */
export function stepOf(error: RtcMessagingError): Step | 'messaging' {
  const last = error.attempts.at(-1);
  if (error instanceof RtcApiError) {
    if (last?.throttled) return 'throttling';
    return OF_CODES.find(([pattern]) => pattern.test(error.apiCode))?.[1] ?? 'answer';
  }
  if (last?.phase !== 'queued' && last?.phase !== 'connecting') return 'answer';
  const failure = error instanceof RtcNetworkError ? (last.failure ?? '') : '';
  if (isNameFailure(failure)) return 'DNS';
  return isCertificateFailure(failure) || /SSL|TLS|EPROTO/.test(failure) ? 'TLS' : 'connection';
}
