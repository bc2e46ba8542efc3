import { UNREADABLE } from './attempts.js';
import { CERTIFICATE_FAILURE, NAME_FAILURE } from './retry-decision.js';

/** What to do, by a pattern of what happened. The first that matches at the beginning counts. */
type Hints = Readonly<Record<string, string>>;

/** Volcengine's Go SDK gives this name to Volcengine's own host in Singapore. */
const BYTEPLUS_HINT =
  "The region ap-singapore-1 is BytePlus's host here. For Volcengine in Singapore, set region (RTC_REGION) to " +
  'ap-southeast-1, or keep it and set endpoint (RTC_ENDPOINT) to https://open-ap-singapore-1.volcengineapi.com.';
const CHECK_KEY_ID = 'Check credentials.accessKeyId (VOLCENGINE_ACCESS_KEY).';

/** By the vendor's code, what was sent, and the region: `InvalidAccessKey of a message to cn-north-1`. */
const CODES: Hints = {
  '(Account)?FlowLimitExceeded\\b':
    'The account sends more than its requests per second; send more slowly, then again.',
  'InvalidTimestamp\\b':
    "Set this machine's clock: a signature is good for 15 minutes around the service's time.",
  'InvalidAccessKey .* ap-singapore-1$': `${CHECK_KEY_ID} ${BYTEPLUS_HINT}`,
  'InvalidAccessKey\\b': CHECK_KEY_ID,
  'SignatureDoesNotMatch\\b':
    'Check credentials.secretAccessKey (VOLCENGINE_SECRET_KEY), and that no proxy changes the request.',
  'InvalidSecretToken\\b':
    'Check credentials.sessionToken (VOLCENGINE_SESSION_TOKEN); temporary credentials may have expired.',
  'AccessDenied\\.NoPermissionForApp ':
    'Check that appId (RTC_APP_ID) belongs to the account of the access key.',
  'AccessDenied\\.ServiceNotEnabled ': "Switch real-time messaging on for the app in the vendor's console.",
  'AccessDenied\\b': 'Give the access key the permission to call this action.',
  'LackPolicy\\b': 'Give the sub-user of the access key a policy that allows this action.',
  'InvalidParameter\\.NotExistAppId ': 'Check appId (RTC_APP_ID) and region (RTC_REGION).',
  'InvalidParameter\\.IllegalAppId ': 'Check appId (RTC_APP_ID).',
  'InvalidParameter\\.IllegalFrom ':
    'Check from (RTC_FROM): it must not be the ID of a real user of the app.',
  'InvalidActionOrVersion of a request': 'Check the action and its version.',
  'InvalidActionOrVersion\\b': 'Check apiVersion (RTC_API_VERSION).',
  [`${UNREADABLE} `]: 'Something between this server and the service may have answered in its place.',
  'ServiceNotFound\\b': 'Check endpoint (RTC_ENDPOINT) and region (RTC_REGION).',
};

const UNREACHABLE =
  "{host} can't be reached from here: a firewall may be in the way, or a proxy may be needed";
const CERTIFICATE = 'The certificate of {host}';

/** By failure and origin: `ECONNREFUSED at https://rtc.volcengineapi.com`. A timeout has its phase too. */
const FAILURES: Hints = {
  'TIMEOUT in phase queued, signed':
    'No connection was free: raise http.maxSockets (RTC_HTTP_MAX_SOCKETS), or send less at once.',
  'TIMEOUT in phase queued':
    'The request was not signed in time: check what the provider in credentials waits for, and the interceptors of axiosRef.',
  'TIMEOUT in phase connecting': `${UNREACHABLE}, or {limit} is too short.`,
  'REQUEST_FAILED \\(ChangedRequestError\\)':
    'Check the interceptors of axiosRef: they must not change action, version, method, path or origin, and ' +
    'config.data must be a plain object, text or bytes, and nothing with GET.',
  REQUEST_FAILED: 'An agent or an interceptor of the app threw, or returned something that is not usable.',
  RESPONSE_TOO_LARGE:
    'http.maxContentLength (RTC_HTTP_MAX_CONTENT_LENGTH) is the longest answer that is read.',
  NOT_ENCRYPTED: 'Check http.httpsAgent: it returned a connection without TLS.',
  PERMIT_EXPIRED: 'The permit of the shared quota expired: this process was paused, or Redis is slow.',
  [NAME_FAILURE.source]:
    "The host {host} is not found: check endpoint (RTC_ENDPOINT), region (RTC_REGION) and this machine's DNS.",
  'EPROTO|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)':
    "{host} does not speak TLS: an emulator's endpoint (RTC_ENDPOINT) begins with http://, unless it was given a certificate.",
  '.*(ALTNAME_INVALID|HOSTNAME_MISMATCH)': `${CERTIFICATE} is for another host: check endpoint (RTC_ENDPOINT).`,
  CERT_HAS_EXPIRED: `${CERTIFICATE} has expired, if this machine's clock is right.`,
  CERT_NOT_YET_VALID: `${CERTIFICATE} is not valid yet, if this machine's clock is right.`,
  'ECONNREFUSED at \\w+://(127\\.|\\[::1\\]|([\\w-]+\\.)*localhost\\b)':
    'Nothing listens at {host}: check endpoint (RTC_ENDPOINT); if it is to be the emulator, start that.',
  ECONNREFUSED: 'Nothing listens at {host}: check endpoint (RTC_ENDPOINT).',
  'ETIMEDOUT|TIMEOUT|EHOSTUNREACH|ENETUNREACH': `${UNREACHABLE}.`,
  '(ECONNRESET|EPIPE|HPE_\\w+) at http:':
    '{host} gave no complete answer. If it never answers, and expects TLS, endpoint (RTC_ENDPOINT) begins with https://.',
  PROXY_REFUSED:
    'The proxy did not open the tunnel to {host}: check its address and password in http.httpsAgent.',
  'UNASKED_ANSWER|SWITCHED_PROTOCOLS':
    'Something other than the service answers at {host}: check endpoint (RTC_ENDPOINT).',
  [`.*(${CERTIFICATE_FAILURE.source})`]: `${CERTIFICATE} is not trusted here: check endpoint (RTC_ENDPOINT); that of a proxy is added by NODE_EXTRA_CA_CERTS.`,
  '': 'The connection to {host} failed.',
};

function find(hints: Hints, what: string): string | undefined {
  return Object.entries(hints).find(([pattern]) => new RegExp(`^(${pattern})`).test(what))?.[1];
}

/**
 * What to do about an error code, if that is known.
 * @param hostOfRegion region of the called host. Undefined if `endpoint` is set.
 * @param isMessage whether it was a messaging action. Its version comes from the module's settings.
 */
export function hintFor(apiCode: string, hostOfRegion?: string, isMessage = true): string | undefined {
  return find(CODES, `${apiCode} of a ${isMessage ? 'message' : 'request'} to ${hostOfRegion}`);
}

/**
 * What to look at when a connection has failed: the host, and what is usually wrong then.
 * @param failure Node's code, or one of this library's with the kind of an unexpected error
 */
export function networkHintFor(failure: string, endpoint = ''): string | undefined {
  const host = endpoint === '' ? '' : new URL(endpoint).host;
  const hint = find(FAILURES, `${failure} at ${endpoint}`);
  return host === '' && hint?.includes('{host}') ? undefined : hint?.replace('{host}', host);
}
