import { describe, expect, it } from '@jest/globals';
import type { Attempt } from '../../lib/errors/attempt.js';
import { RtcConfigError } from '../../lib/errors/rtc-config.error.js';
import type { ApiReply } from '../../lib/openapi/api-reply.js';
import { hintFor, networkHintFor } from '../../lib/retry/api-hints.js';
import {
  abortedError,
  type CallFacts,
  errorOfCall,
  SHUTDOWN,
  timeoutError,
} from '../../lib/retry/call-error.js';
import { describeAttempt } from '../../lib/retry/attempts.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { accepted, refused, REQUEST_ID, result } from '../support/scripted-calls.js';

const LIMIT = 'timeoutMs of 5000 ms';
const attempt = (outcome: Attempt['outcome'], more: Partial<Attempt> = {}): Attempt => ({
  outcome,
  phase: 'done',
  startedAt: '2026-01-02T03:04:05.000Z',
  durationMs: 5,
  ...more,
});
const facts = (...attempts: Attempt[]): CallFacts => ({
  action: 'SendUnicast',
  isGet: false,
  attempts,
  abort: new Cancellation(),
});
const answered = (httpStatus: number, reply: ApiReply) =>
  result({ kind: 'answered', httpStatus, reply, retryAfter: undefined, date: undefined });

describe('the error of a call', () => {
  it('that was refused names the code, the status and the request, with a hint', () => {
    const error = errorOfCall(
      facts(attempt('rejected', { requestId: REQUEST_ID })),
      answered(403, { kind: 'error', apiCode: 'AccessDenied.NoPermissionForApp', codeN: 100_013 }),
      LIMIT,
    );
    expect(error.message).toBe(
      'SendUnicast was refused with AccessDenied.NoPermissionForApp (HTTP 403). Check that appId (RTC_APP_ID) belongs to the account of the access key.',
    );
    expect(error).toMatchObject({
      code: 'RTC_API',
      name: 'RtcApiError',
      outcome: 'rejected',
      httpStatus: 403,
      apiCode: 'AccessDenied.NoPermissionForApp',
      codeN: 100_013,
      requestId: REQUEST_ID,
      possibleDuplicate: false,
      hint: 'Check that appId (RTC_APP_ID) belongs to the account of the access key.',
    });
  });

  it('says at which attempt it ended, and what an earlier one may have done', () => {
    const reply: ApiReply = { kind: 'error', apiCode: 'UnknownCode' };
    const error = errorOfCall(facts(attempt('unknown'), attempt('rejected')), answered(403, reply), LIMIT);
    expect(error.message).toBe(
      'SendUnicast failed with UnknownCode (HTTP 403) at attempt 2; an earlier attempt may have been accepted.',
    );
    expect(error.outcome).toBe('unknown');
    const first = errorOfCall(facts(attempt('unknown')), answered(500, reply), LIMIT);
    expect(first.message).toBe(
      'SendUnicast failed with UnknownCode (HTTP 500); the message may have been accepted.',
    );
    const again = errorOfCall(facts(attempt('unknown'), attempt('unknown')), answered(500, reply), LIMIT);
    expect(again.message).toBe(
      'SendUnicast failed with UnknownCode (HTTP 500) at attempt 2; the message may have been accepted.',
    );
    expect(again.possibleDuplicate).toBe(true);
  });

  it.each([
    ['ECONNRESET', undefined, 'ECONNRESET'],
    ['REQUEST_FAILED', 'TypeError', 'REQUEST_FAILED (TypeError)'],
    // An agent of the app's may say anything.
    ['a secret\nand a line', undefined, 'FAILED'],
  ])('that failed on the network with %j (%s) shows %s', (failure, thrown, shown) => {
    const ended = result({ kind: 'network_error', failure, thrown });
    expect(errorOfCall(facts(attempt('not_attempted')), ended, LIMIT).message).toContain(
      `SendUnicast failed with ${shown} in phase`,
    );
  });

  it.each([
    [7_000, 7_000],
    [0, 1_000],
    [999, 1_000],
  ])(
    'that was throttled has retryAfterMs: the service asked for %i ms, it says %i ms',
    (asked, retryAfterMs) => {
      const reply: ApiReply = { kind: 'error', apiCode: 'FlowLimitExceeded' };
      const throttled = attempt('rejected', { throttled: true });
      expect(errorOfCall(facts(throttled), answered(429, reply), LIMIT, asked)).toMatchObject({
        code: 'RTC_API',
        retryAfterMs,
      });
      const other = errorOfCall(facts(throttled, attempt('rejected')), answered(403, reply), LIMIT, asked);
      expect(other).not.toHaveProperty('retryAfterMs');
    },
  );

  it('has the request ID of the last answer', () => {
    const error = timeoutError(
      facts(
        attempt('rejected', { requestId: 'one' }),
        attempt('rejected', { requestId: 'two' }),
        attempt('not_attempted'),
      ),
      'deadlineMs of 10 ms',
      'while waiting for the quota',
    );
    expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'rejected', requestId: 'two' });
    expect(error.message).toBe(
      'SendUnicast exceeded deadlineMs of 10 ms while waiting for the quota; the message was not accepted.',
    );
  });

  it.each<[ApiReply, number, string]>([
    [
      { kind: 'unreadable', why: 'the body is not JSON' },
      502,
      "HTTP 502 that can't be read as a success (the body is not JSON)",
    ],
    [
      { kind: 'success', requestId: 'r' },
      404,
      "HTTP 404 that can't be read as a success (it carries no error)",
    ],
  ])('that was answered with %j says why that is no success', (reply, httpStatus, words) => {
    const error = errorOfCall(facts(attempt('unknown')), answered(httpStatus, reply), LIMIT);
    const hint = 'Something between this server and the service may have answered in its place.';
    expect(error.message).toBe(
      `SendUnicast was answered with ${words}; the message may have been accepted. ${hint}`,
    );
    expect(error).toMatchObject({ apiCode: 'UnreadableResponse', hint });
    expect(error).not.toHaveProperty('codeN');
  });

  it('shows no code that repeats the request', () => {
    const reply: ApiReply = { kind: 'error', apiCode: 'the-secret', isWithheld: true };
    const error = errorOfCall(facts(attempt('rejected')), answered(400, reply), LIMIT);
    expect(error.message).toBe('SendUnicast was refused with WithheldCode (HTTP 400).');
    expect(error).toMatchObject({ apiCode: 'WithheldCode' });
    expect(JSON.stringify(error)).not.toContain('the-secret');
  });

  it('that ended in a network error, a timeout or an abort names the phase', () => {
    const lost = errorOfCall(
      facts(attempt('unknown')),
      result({ kind: 'network_error', failure: 'EPIPE' }, 'sent'),
      LIMIT,
    );
    expect(lost).toMatchObject({ code: 'RTC_NETWORK', phase: 'sent' });
    expect(lost.message).toBe(
      'SendUnicast failed with EPIPE in phase "sent"; the message may have been accepted.',
    );
    const late = errorOfCall(
      facts(attempt('not_attempted'), attempt('not_attempted')),
      result({ kind: 'interrupted', by: 'timeout' }, 'connecting'),
      LIMIT,
    );
    expect(late.message).toBe(
      'SendUnicast exceeded timeoutMs of 5000 ms in phase "connecting" at attempt 2; nothing was sent.',
    );
    const aborted = result({ kind: 'interrupted', by: 'aborted' }, 'queued');
    expect(errorOfCall(facts(attempt('not_attempted')), aborted, LIMIT).message).toBe(
      'SendUnicast was aborted in phase "queued"; nothing was sent.',
    );
    const closing = facts();
    closing.abort.cancel(SHUTDOWN);
    expect(abortedError(closing, 'while waiting').message).toBe(
      'SendUnicast was aborted by the shutdown of the app while waiting; nothing was sent.',
    );
  });

  it("without credentials is the provider's error, with the outcome of earlier attempts", () => {
    const problem = { option: 'credentials', message: 'the provider failed' };
    const unsigned = result({ kind: 'no_credentials', error: new RtcConfigError([problem]) }, 'queued');
    const error = errorOfCall(facts(attempt('rejected'), attempt('not_attempted')), unsigned, LIMIT);
    expect(error).toMatchObject({ code: 'RTC_CONFIG', outcome: 'rejected', problems: [problem] });
    expect(error.message).toBe('No credentials:\n  - credentials: the provider failed');
  });
});

describe('the hint for a code', () => {
  it.each([
    ['FlowLimitExceeded', 'send more slowly'],
    ['FlowLimitExceeded.QPSOverLimit', 'send more slowly'],
    ['AccountFlowLimitExceeded', 'send more slowly'],
    ['InvalidTimestamp', "Set this machine's clock"],
    ['InvalidAccessKey', 'VOLCENGINE_ACCESS_KEY'],
    ['SignatureDoesNotMatch', 'VOLCENGINE_SECRET_KEY'],
    ['InvalidSecretToken', 'VOLCENGINE_SESSION_TOKEN'],
    ['AccessDenied.NoPermissionForApp', 'RTC_APP_ID'],
    ['AccessDenied.ServiceNotEnabled', "in the vendor's console"],
    ['AccessDenied', 'the permission to call this action'],
    ['AccessDenied.Other', 'the permission to call this action'],
    ['LackPolicy', 'a policy that allows this action'],
    ['InvalidParameter.NotExistAppId', 'RTC_REGION'],
    ['InvalidParameter.IllegalAppId', 'RTC_APP_ID'],
    ['InvalidParameter.IllegalFrom', 'RTC_FROM'],
    ['InvalidActionOrVersion', 'RTC_API_VERSION'],
    ['ServiceNotFound', 'RTC_ENDPOINT'],
  ])('of %s says: %s', (apiCode, words) => {
    expect(hintFor(apiCode)).toContain(words);
  });

  it("of an unknown access key names the other vendor's region of that name", () => {
    const hint = hintFor('InvalidAccessKey', 'ap-singapore-1');
    expect(hint).toContain('Check credentials.accessKeyId (VOLCENGINE_ACCESS_KEY).');
    expect(hint).toContain('set region (RTC_REGION) to ap-southeast-1');
    expect(hint).toContain('endpoint (RTC_ENDPOINT) to https://open-ap-singapore-1.volcengineapi.com');
    for (const [apiCode, region] of [
      ['InvalidAccessKey', undefined],
      ['InvalidAccessKey', 'ap-southeast-1'],
      ['SignatureDoesNotMatch', 'ap-singapore-1'],
    ] as const) {
      expect(hintFor(apiCode, region)).not.toContain('ap-southeast-1');
    }
  });

  it.each(['InvalidParameter.IllegalTo', 'InvalidParameter', 'NeverHeardOf', '', 'constructor'])(
    'of %j does not exist',
    (apiCode) => {
      expect(hintFor(apiCode)).toBeUndefined();
    },
  );
});

describe('the hint for a connection that failed', () => {
  const [EMULATOR, SERVICE] = ['http://127.0.0.1:8787', 'https://rtc.volcengineapi.com'];

  it.each([
    [
      'ENOTFOUND',
      SERVICE,
      'The host rtc.volcengineapi.com is not found: check endpoint (RTC_ENDPOINT), region',
    ],
    ['EAI_AGAIN', SERVICE, "this machine's DNS"],
    [
      'ECONNREFUSED',
      EMULATOR,
      'Nothing listens at 127.0.0.1:8787: check endpoint (RTC_ENDPOINT); if it is to be',
    ],
    ['ECONNREFUSED', SERVICE, 'Nothing listens at rtc.volcengineapi.com: check endpoint (RTC_ENDPOINT).'],
    ['EPROTO', 'https://127.0.0.1:8787', '127.0.0.1:8787 does not speak TLS: an emulator'],
    [
      'ECONNRESET',
      EMULATOR,
      'gave no complete answer. If it never answers, and expects TLS, endpoint (RTC_ENDPOINT) begins with https',
    ],
    ['ECONNRESET', SERVICE, 'The connection to rtc.volcengineapi.com failed.'],
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      SERVICE,
      'is not trusted here: check endpoint (RTC_ENDPOINT); that of a proxy',
    ],
    ['ERR_TLS_CERT_ALTNAME_INVALID', SERVICE, 'The certificate of rtc.volcengineapi.com is for another host'],
    ['HOSTNAME_MISMATCH', SERVICE, 'is for another host: check endpoint (RTC_ENDPOINT)'],
    ['CERT_HAS_EXPIRED', SERVICE, "has expired, if this machine's clock is right"],
    ['CERT_NOT_YET_VALID', SERVICE, "is not valid yet, if this machine's clock is right"],
    ['ETIMEDOUT', SERVICE, 'a firewall may be in the way'],
    ['PROXY_REFUSED', SERVICE, 'The proxy did not open the tunnel to rtc.volcengineapi.com'],
    ['NOT_ENCRYPTED', SERVICE, 'Check http.httpsAgent'],
    ['UNASKED_ANSWER', SERVICE, 'Something other than the service answers at rtc.volcengineapi.com'],
    ['SWITCHED_PROTOCOLS', SERVICE, 'Something other than the service answers at rtc.volcengineapi.com'],
    ['PERMIT_EXPIRED', SERVICE, 'The permit of the shared quota expired'],
    ['RESPONSE_TOO_LARGE', SERVICE, 'RTC_HTTP_MAX_CONTENT_LENGTH'],
    ['REQUEST_FAILED', SERVICE, 'An agent or an interceptor of the app'],
  ])('%s at %s says: %s', (failure, endpoint, words) => {
    expect(networkHintFor(failure, endpoint)).toContain(words);
  });

  it.each([
    [
      'ChangedRequestError',
      'they must not change action, version, method, path or origin, and config.data must be a plain object, text or bytes',
    ],
  ])('because of an interceptor (%s) says: %s', (thrown, words) => {
    expect(networkHintFor(`REQUEST_FAILED (${thrown})`, SERVICE)).toContain(words);
  });
});

describe('the description of an attempt', () => {
  it('has what is known, with a rounded duration', () => {
    const decision = { outcome: 'accepted', action: 'none' } as const;
    expect(describeAttempt({ ...accepted(), durationMs: 7.6 }, decision)).toEqual({
      outcome: 'accepted',
      phase: 'done',
      startedAt: '2026-01-02T03:04:05.000Z',
      durationMs: 8,
      httpStatus: 200,
      requestId: REQUEST_ID,
    });
    expect(
      describeAttempt(refused('FlowLimitExceeded'), { outcome: 'rejected', action: 'slow_down' }),
    ).toEqual({
      outcome: 'rejected',
      phase: 'done',
      startedAt: '2026-01-02T03:04:05.000Z',
      durationMs: 0,
      httpStatus: 400,
      requestId: `${REQUEST_ID}-FlowLimitExceeded`,
      throttled: true,
      failure: 'FlowLimitExceeded',
    });
  });

  it.each([
    ['ECONNRESET', 'ECONNRESET'],
    ['A'.repeat(64), 'A'.repeat(64)],
    ['A'.repeat(65), 'FAILED'],
    ['', 'FAILED'],
    ['two words', 'FAILED'],
    ['ECONNRESET\n', 'FAILED'],
  ])('shows the failure %j as %s', (failure, shown) => {
    const end = result({ kind: 'network_error', failure }, 'connecting');
    const attempt = describeAttempt(end, { outcome: 'not_attempted', action: 'retry' });
    // Not even as undefined: what is not known is not there.
    expect(attempt).toStrictEqual({
      outcome: 'not_attempted',
      phase: 'connecting',
      startedAt: '2026-01-02T03:04:05.000Z',
      durationMs: 0,
      failure: shown,
    });
  });

  it.each([
    [result({ kind: 'interrupted', by: 'timeout' }, 'sent'), 'TIMEOUT'],
    [result({ kind: 'interrupted', by: 'aborted' }, 'sent'), 'ABORTED'],
    [answered(502, { kind: 'unreadable', why: 'the body is empty' }), 'UnreadableResponse'],
  ])('names what ended the attempt', (end, failure) => {
    expect(describeAttempt(end, { outcome: 'unknown', action: 'ask_policy' })).toMatchObject({ failure });
  });
});
