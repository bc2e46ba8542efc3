import { describe, expect, it } from '@jest/globals';
import type { AttemptPhase } from '../../lib/errors/attempt.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import type { ApiReply } from '../../lib/openapi/api-reply.js';
import type { AttemptEnd } from '../../lib/openapi/http-attempt.js';
import { classify } from '../../lib/retry/retry-decision.js';

const answered = (httpStatus: number, reply: ApiReply): AttemptEnd => ({
  kind: 'answered',
  httpStatus,
  reply,
  retryAfter: undefined,
  date: undefined,
});
const success: ApiReply = { kind: 'success', requestId: 'r-1' };
const unreadable: ApiReply = { kind: 'unreadable', why: 'the body is not JSON' };
const code = (apiCode: string, codeN?: number): ApiReply => ({ kind: 'error', apiCode, codeN });
const networkError = (failure: string): AttemptEnd => ({ kind: 'network_error', failure });

describe('the retry decision on an answer', () => {
  it.each<[number, ApiReply, string, string]>([
    // 2xx, readable, no error
    [200, success, 'accepted', 'none'],
    [201, success, 'accepted', 'none'],
    [299, success, 'accepted', 'none'],
    // A success that is not one by its status proves nothing.
    [199, success, 'unknown', 'ask_policy'],
    [300, success, 'unknown', 'ask_policy'],
    [307, success, 'unknown', 'ask_policy'],
    [404, success, 'unknown', 'ask_policy'],
    [500, success, 'unknown', 'ask_policy'],
    // Unreadable
    [200, unreadable, 'unknown', 'ask_policy'],
    [302, unreadable, 'unknown', 'ask_policy'],
    [403, unreadable, 'unknown', 'ask_policy'],
    [502, unreadable, 'unknown', 'ask_policy'],
    [429, unreadable, 'rejected', 'slow_down'],
    [413, unreadable, 'rejected', 'none'],
    [414, unreadable, 'rejected', 'none'],
    [431, unreadable, 'rejected', 'none'],
    // Throttled, at any status
    [429, code('FlowLimitExceeded'), 'rejected', 'slow_down'],
    [429, code('FlowLimitExceeded.QPSOverLimit'), 'rejected', 'slow_down'],
    [200, code('FlowLimitExceeded.QPSOverLimit'), 'rejected', 'slow_down'],
    [429, code('AccountFlowLimitExceeded', 100_027), 'rejected', 'slow_down'],
    [200, code('AccountFlowLimitExceeded', 100_027), 'rejected', 'slow_down'],
    [503, code('FlowLimitExceeded'), 'rejected', 'slow_down'],
    [200, code('AccountFlowLimitExceeded'), 'rejected', 'slow_down'],
    [429, code('TooManyRequests'), 'rejected', 'slow_down'],
    [400, code('Renamed', 100_027), 'rejected', 'slow_down'],
    [429, code('InternalError', 100_014), 'unknown', 'ask_policy'],
    // The clock, as newer and older pages have it
    [400, code('InvalidTimestamp', 100_006), 'rejected', 'correct_clock'],
    [403, code('InvalidTimestamp', 100_006), 'rejected', 'correct_clock'],
    [200, code('InvalidTimestamp'), 'rejected', 'correct_clock'],
    [500, code('InvalidTimestamp'), 'unknown', 'ask_policy'],
    // The access key
    [401, code('InvalidAccessKey', 100_009), 'rejected', 'refresh_credentials'],
    [401, code('SignatureDoesNotMatch', 100_010), 'rejected', 'refresh_credentials'],
    [401, code('InvalidSecretToken'), 'rejected', 'refresh_credentials'],
    [200, code('InvalidSecretToken'), 'rejected', 'refresh_credentials'],
    // A readable "no"
    [403, code('AccessDenied', 100_013), 'rejected', 'none'],
    [403, code('AccessDenied.NoPermissionForApp'), 'rejected', 'none'],
    [403, code('LackPolicy', 100_012), 'rejected', 'none'],
    [400, code('MissingParameter', 100_002), 'rejected', 'none'],
    [401, code('MissingAuthenticationToken', 100_003), 'rejected', 'none'],
    [404, code('ServiceNotFound', 100_007), 'rejected', 'none'],
    [404, code('InvalidActionOrVersion', 100_008), 'rejected', 'none'],
    [405, code('MethodNotAllowed'), 'rejected', 'none'],
    [400, code('InvalidParameter.NotExistAppId'), 'rejected', 'none'],
    [400, code('InvalidParameter.IllegalTo'), 'rejected', 'none'],
    [200, code('InvalidParameter.IllegalTo'), 'rejected', 'none'],
    [400, code('InvalidParameter.UserCountOverLimit'), 'rejected', 'none'],
    [400, code('InvalidParameter.SizeOverLimit'), 'rejected', 'none'],
    [418, code('NeverHeardOf'), 'rejected', 'none'],
    [400, code('NotInternal'), 'rejected', 'none'],
    // The one 5xx that is a "no"
    [502, code('FailToConnect'), 'rejected', 'retry'],
    [200, code('FailToConnect'), 'rejected', 'retry'],
    // All others are none
    [500, code('InternalError', 100_014), 'unknown', 'ask_policy'],
    [200, code('InternalError', 100_014), 'unknown', 'ask_policy'],
    [200, code('InternalError.Db'), 'unknown', 'ask_policy'],
    [502, code('InternalServiceError'), 'unknown', 'ask_policy'],
    [200, code('InternalServiceError'), 'unknown', 'ask_policy'],
    [200, code('InternalServerError'), 'unknown', 'ask_policy'],
    [504, code('InternalServiceTimeout', 100_016), 'unknown', 'ask_policy'],
    [200, code('InternalServiceTimeout', 100_016), 'unknown', 'ask_policy'],
    [200, code('Renamed', 100_016), 'unknown', 'ask_policy'],
    [503, code('ServiceUnavailableTemp'), 'unknown', 'ask_policy'],
    [200, code('ServiceUnavailableTemp'), 'unknown', 'ask_policy'],
    [500, code('InvalidParameter'), 'unknown', 'ask_policy'],
    [500, code('AccessDenied'), 'unknown', 'ask_policy'],
    [408, code('Anything'), 'unknown', 'ask_policy'],
  ])('with status %i and %j is %s: %s', (httpStatus, reply, outcome, action) => {
    expect(classify(answered(httpStatus, reply), 'done')).toEqual({ outcome, action });
  });
});

describe('the retry decision on an attempt without an answer', () => {
  const timeout: AttemptEnd = { kind: 'interrupted', by: 'timeout' };
  const aborted: AttemptEnd = { kind: 'interrupted', by: 'aborted' };
  const noCredentials: AttemptEnd = { kind: 'no_credentials', error: new RtcConfigError([]) };

  it.each<[AttemptPhase, AttemptEnd, string, string]>([
    // Before the connection was ready: nothing was sent.
    ['queued', timeout, 'not_attempted', 'retry'],
    ['connecting', timeout, 'not_attempted', 'retry'],
    ['connecting', networkError('ENOTFOUND'), 'not_attempted', 'retry'],
    ['connecting', networkError('EAI_AGAIN'), 'not_attempted', 'retry'],
    ['connecting', networkError('ECONNREFUSED'), 'not_attempted', 'retry'],
    ['connecting', networkError('ECONNRESET'), 'not_attempted', 'retry'],
    ['connecting', networkError('EHOSTUNREACH'), 'not_attempted', 'retry'],
    ['connecting', networkError('ERR_SSL_WRONG_VERSION_NUMBER'), 'not_attempted', 'retry'],
    // Which the next attempt would meet again.
    ['connecting', networkError('DEPTH_ZERO_SELF_SIGNED_CERT'), 'not_attempted', 'none'],
    ['connecting', networkError('SELF_SIGNED_CERT_IN_CHAIN'), 'not_attempted', 'none'],
    ['connecting', networkError('UNABLE_TO_VERIFY_LEAF_SIGNATURE'), 'not_attempted', 'none'],
    ['connecting', networkError('UNABLE_TO_GET_ISSUER_CERT_LOCALLY'), 'not_attempted', 'none'],
    ['connecting', networkError('CERT_HAS_EXPIRED'), 'not_attempted', 'none'],
    ['connecting', networkError('ERR_TLS_CERT_ALTNAME_INVALID'), 'not_attempted', 'none'],
    ['connecting', networkError('UNABLE_TO_GET_CRL'), 'not_attempted', 'none'],
    ['connecting', networkError('HOSTNAME_MISMATCH'), 'not_attempted', 'none'],
    ['connecting', networkError('INVALID_CA'), 'not_attempted', 'none'],
    ['connecting', networkError('INVALID_PURPOSE'), 'not_attempted', 'none'],
    ['connecting', networkError('PATH_LENGTH_EXCEEDED'), 'not_attempted', 'none'],
    // These are of no certificate.
    ['connecting', networkError('ERR_INVALID_CA'), 'not_attempted', 'retry'],
    ['connecting', networkError('INVALID_CALL'), 'not_attempted', 'retry'],
    ['connecting', networkError('ERR_PATH_LENGTH_EXCEEDED'), 'not_attempted', 'retry'],
    ['connecting', networkError('PATH_LENGTH_EXCEEDED_BY_FAR'), 'not_attempted', 'retry'],
    ['queued', networkError('REQUEST_FAILED'), 'not_attempted', 'none'],
    ['queued', noCredentials, 'not_attempted', 'none'],
    // The caller wants no more.
    ['queued', aborted, 'not_attempted', 'none'],
    ['connecting', aborted, 'not_attempted', 'none'],
    // After the first byte of the body: nothing is proven.
    ['sent', networkError('ECONNRESET'), 'unknown', 'ask_policy'],
    ['sent', networkError('EPIPE'), 'unknown', 'ask_policy'],
    ['sent', networkError('REQUEST_FAILED'), 'unknown', 'ask_policy'],
    ['sent', networkError('CERT_HAS_EXPIRED'), 'unknown', 'ask_policy'],
    ['sent', timeout, 'unknown', 'ask_policy'],
    ['headers', networkError('ECONNRESET'), 'unknown', 'ask_policy'],
    ['headers', networkError('RESPONSE_TOO_LARGE'), 'unknown', 'ask_policy'],
    ['headers', timeout, 'unknown', 'ask_policy'],
    ['done', networkError('REQUEST_FAILED'), 'unknown', 'ask_policy'],
    ['sent', aborted, 'unknown', 'none'],
    ['headers', aborted, 'unknown', 'none'],
  ])('that ended in phase %s with %j is %s: %s', (phase, end, outcome, action) => {
    expect(classify(end, phase)).toEqual({ outcome, action });
  });
});
