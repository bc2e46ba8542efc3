import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcNetworkError } from '../errors/rtc-network.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { RtcTimeoutError } from '../errors/rtc-timeout.error.js';
import { ChunkTooLargeError } from '../quota/chunk-too-large.error.js';
import type { FanOutStop } from './fan-out-report.js';

/**
 * What to do after a chunk failed:
 *
 * - `split`: the service refused one of its recipients
 * - `shrink`: it has too many recipients
 * - `again`: the quota was used up. Send it again, in smaller parts if the service refuses requests of this size.
 * - `refused`, `unreachable`, `quota`: the next chunks would fail too, so the fan-out stops for this reason
 * - `go_on`: the failure concerns only this chunk
 */
export type ChunkRetryDecision =
  'split' | 'shrink' | 'again' | 'go_on' | Extract<FanOutStop['reason'], 'refused' | 'unreachable' | 'quota'>;

/**
 * What different messages have in common: the app, the key, the signature, the permission, the service and the clock.
 * Every other refusal, published or not, may concern one message alone.
 */
const CONCERNS_ALL =
  /AppId|Account|AccessKey|Signature|Timestamp|AuthenticationToken|SecretToken|^(InvalidAuthorization|InvalidCredential|LackPolicy|AccessDenied|ServiceNotFound|InvalidActionOrVersion|MethodNotAllowed|MissingRequestInfo)(\.|$)/;

/** A refused chunk may be sent again only if no attempt may have been accepted. The error's outcome says so. */
export function decideRetry(
  error: RtcMessagingError,
  recipients: number,
  hasOneMessage = true,
): ChunkRetryDecision {
  if (error instanceof RtcConfigError) return 'refused';
  if (error instanceof ChunkTooLargeError) return 'again';
  if (error instanceof RtcQuotaError) return 'quota';
  const unreachable = error instanceof RtcNetworkError || error instanceof RtcTimeoutError;
  if (unreachable && error.outcome === 'not_attempted') return 'unreachable';
  if (!(error instanceof RtcApiError) || error.outcome !== 'rejected') return 'go_on';
  const { apiCode, attempts } = error;
  if (apiCode === 'InvalidParameter.IllegalTo') return recipients > 1 ? 'split' : 'go_on';
  if (apiCode === 'InvalidParameter.UserCountOverLimit') return recipients > 1 ? 'shrink' : 'go_on';
  if (attempts.at(-1)?.throttled) return 'again';
  if (!hasOneMessage) return error.httpStatus === 401 || CONCERNS_ALL.test(apiCode) ? 'refused' : 'go_on';
  // The next chunk may succeed. All other refusals concern what every chunk has in common.
  return apiCode === 'FailToConnect' ? 'go_on' : 'refused';
}
