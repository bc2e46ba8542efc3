import type { FailureOutcome } from '../errors/attempt.js';

/**
 * What an error proves. A readable "no" is a rejection, whatever the HTTP status; these are the words by which
 * the service says that it does not know itself how far the request came (`InternalServiceTimeout`,
 * `ServiceUnavailableTemp`, …), and the numbers of `InternalError` and `InternalServiceTimeout`.
 */
const UNDECIDED = /^Internal|Timeout|Unavailable/;
const UNDECIDED_NUMBERS: ReadonlySet<number | undefined> = new Set([100_014, 100_016]);
const REQUEST_TIMEOUT = 408;

/** The gateway did not reach the service behind it: the one 5xx that is a "no". */
const FAIL_TO_CONNECT = 'FailToConnect';

/** @param codeClass the part of the code before the dot */
function isThrottling(codeClass: string): boolean {
  return codeClass === 'FlowLimitExceeded' || codeClass === 'AccountFlowLimitExceeded';
}

/** What a response proves that carries an error code, at whatever HTTP status. */
export function outcomeOfCode(
  apiCode: string,
  codeN: number | undefined,
  httpStatus: number,
): Exclude<FailureOutcome, 'not_attempted'> {
  const codeClass = classOf(apiCode);
  if (isThrottling(codeClass) || codeClass === FAIL_TO_CONNECT) return 'rejected';
  const undecided = UNDECIDED.test(codeClass) || UNDECIDED_NUMBERS.has(codeN);
  return undecided || httpStatus >= 500 || httpStatus === REQUEST_TIMEOUT ? 'unknown' : 'rejected';
}

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

/** What to do about a code, where there is something to say. */
export function hintFor(apiCode: string): string | undefined {
  return HINTS.get(apiCode) ?? HINTS.get(classOf(apiCode));
}

function classOf(apiCode: string): string {
  return apiCode.split('.', 1)[0] ?? apiCode;
}
