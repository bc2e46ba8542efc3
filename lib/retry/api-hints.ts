import type { AttemptPhase } from '../errors/attempt.js';
import { isLoopback } from '../openapi/loopback.js';
import { RESPONSE_TOO_LARGE } from '../openapi/http-attempt.js';
import { isCertificateFailure } from './retry-decision.js';

const HINTS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    FlowLimitExceeded: 'The account sends more than its requests per second; send more slowly, then again.',
    AccountFlowLimitExceeded:
      'The account sends more than its requests per second; send more slowly, then again.',
    InvalidTimestamp:
      "Set this machine's clock: a signature is good for 15 minutes around the service's time.",
    InvalidAccessKey: 'Check credentials.accessKeyId (VOLCENGINE_ACCESS_KEY).',
    SignatureDoesNotMatch:
      'Check credentials.secretAccessKey (VOLCENGINE_SECRET_KEY), and that no proxy changes the request.',
    InvalidSecretToken:
      'Check credentials.sessionToken (VOLCENGINE_SESSION_TOKEN); temporary credentials may have expired.',
    'AccessDenied.NoPermissionForApp':
      'Check that appId (RTC_APP_ID) belongs to the account of the access key.',
    'AccessDenied.ServiceNotEnabled': "Switch real-time messaging on for the app in the vendor's console.",
    AccessDenied: 'Give the access key the permission to call this action.',
    LackPolicy: 'Give the sub-user of the access key a policy that allows this action.',
    'InvalidParameter.NotExistAppId': 'Check appId (RTC_APP_ID) and region (RTC_REGION).',
    'InvalidParameter.IllegalAppId': 'Check appId (RTC_APP_ID).',
    'InvalidParameter.IllegalFrom': 'Check from (RTC_FROM): it must not be the ID of a real user of the app.',
    InvalidActionOrVersion: 'Check apiVersion (RTC_API_VERSION).',
    ServiceNotFound: 'Check endpoint (RTC_ENDPOINT) and region (RTC_REGION).',
  }),
);

/** Volcengine's Go SDK gives this name to Volcengine's own host in Singapore. */
const BYTEPLUS_REGION = 'ap-singapore-1';
const BYTEPLUS_HINT =
  "The region ap-singapore-1 is BytePlus's host here. For Volcengine in Singapore, set region (RTC_REGION) to " +
  'ap-southeast-1, or keep it and set endpoint (RTC_ENDPOINT) to https://open-ap-singapore-1.volcengineapi.com.';

/**
 * What to do about an error code, if that is known.
 * @param hostOfRegion region of the called host. Undefined if `endpoint` is set.
 * @param isMessage whether it was a messaging action. Its version comes from the module's settings.
 */
export function hintFor(apiCode: string, hostOfRegion?: string, isMessage = true): string | undefined {
  if (apiCode === 'InvalidActionOrVersion' && !isMessage) return 'Check the action and its version.';
  const hint = HINTS.get(apiCode) ?? HINTS.get(apiCode.split('.', 1)[0] ?? '');
  return apiCode === 'InvalidAccessKey' && hostOfRegion === BYTEPLUS_REGION
    ? `${hint} ${BYTEPLUS_HINT}`
    : hint;
}

const NOT_TLS = /^(EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST))$/;
const NO_WAY = /^(ETIMEDOUT|TIMEOUT|EHOSTUNREACH|ENETUNREACH)$/;

/** Whether a failure is a name that has no address. */
export function isNameFailure(failure: string): boolean {
  return /^(ENOTFOUND|EAI_|ENODATA)/.test(failure);
}

/** What is not about the way to the host. */
const OWN_FAILURES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    [RESPONSE_TOO_LARGE]:
      'http.maxContentLength (RTC_HTTP_MAX_CONTENT_LENGTH) is the longest answer that is read.',
    NOT_ENCRYPTED: 'Check http.httpsAgent: it returned a connection without TLS.',
    PERMIT_EXPIRED: 'The permit of the shared quota expired: this process was paused, or Redis is slow.',
    REQUEST_FAILED: 'An agent or an interceptor of the app threw, or returned something that is not usable.',
    ChangedRequestError:
      'Check the interceptors of axiosRef: they must not change action, version, method, path or origin, and ' +
      'config.data must be a plain object, text or bytes, and nothing with GET.',
  }),
);

/**
 * What to look at when a connection has failed: the host, and what is usually wrong then.
 * @param end its `failure` is Node's code, or one of this library's
 */
export function networkHintFor(
  { failure, thrown }: { readonly failure: string; readonly thrown?: string },
  endpoint: string | undefined,
): string | undefined {
  const own = OWN_FAILURES.get(thrown ?? '') ?? OWN_FAILURES.get(failure);
  if (own !== undefined || endpoint === undefined) return own;
  const { host, hostname, protocol } = new URL(endpoint);
  if (isNameFailure(failure))
    return `The host ${hostname} is not found: check endpoint (RTC_ENDPOINT), region (RTC_REGION) and this machine's DNS.`;
  if (NOT_TLS.test(failure))
    return `${host} does not speak TLS: an emulator's endpoint (RTC_ENDPOINT) begins with http://, unless it was given a certificate.`;
  if (isCertificateFailure(failure)) return `The certificate of ${host} ${problemOfCertificate(failure)}.`;
  if (failure === 'ECONNREFUSED') {
    const start = isLoopback(hostname) ? '; if it is to be the emulator, start that' : '';
    return `Nothing listens at ${host}: check endpoint (RTC_ENDPOINT)${start}.`;
  }
  if (NO_WAY.test(failure)) return `${unreachable(host)}.`;
  if (protocol === 'http:' && /^(ECONNRESET|EPIPE|HPE_)/.test(failure))
    return (
      `${host} closed the connection without an answer. If it never answers, and expects TLS, endpoint ` +
      '(RTC_ENDPOINT) begins with https://.'
    );
  if (failure === 'PROXY_REFUSED')
    return `The proxy did not open the tunnel to ${host}: check its address and password in http.httpsAgent.`;
  if (/^(UNASKED_ANSWER|SWITCHED_PROTOCOLS)$/.test(failure))
    return `Something other than the service answers at ${host}: check endpoint (RTC_ENDPOINT).`;
  return `The connection to ${host} failed.`;
}

function problemOfCertificate(failure: string): string {
  if (/ALTNAME_INVALID|HOSTNAME_MISMATCH/.test(failure))
    return 'is for another host: check endpoint (RTC_ENDPOINT)';
  if (failure === 'CERT_HAS_EXPIRED') return "has expired, if this machine's clock is right";
  if (failure === 'CERT_NOT_YET_VALID') return "is not valid yet, if this machine's clock is right";
  return 'is not trusted here: check endpoint (RTC_ENDPOINT); that of a proxy is added by NODE_EXTRA_CA_CERTS';
}

function unreachable(host: string): string {
  return `${host} can't be reached from here: a firewall may be in the way, or a proxy may be needed`;
}

/**
 * What to look at when the time is up.
 * @param isSigned whether the credentials were there
 * @param limit that was exceeded: `timeoutMs of 5000 ms`
 */
export function timeoutHintFor(
  phase: AttemptPhase,
  isSigned: boolean,
  limit: string,
  endpoint: string | undefined,
): string | undefined {
  if (phase === 'queued') {
    return isSigned
      ? 'No connection was free: raise http.maxSockets (RTC_HTTP_MAX_SOCKETS), or send less at once.'
      : 'The request was not signed in time: check what the provider in credentials waits for, and the interceptors of axiosRef.';
  }
  if (phase !== 'connecting' || endpoint === undefined) return undefined;
  return `${unreachable(new URL(endpoint).host)}, or ${limit} is too short.`;
}
