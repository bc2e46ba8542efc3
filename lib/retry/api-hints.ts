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
 * What to do about a code, where there is something to say.
 * @param hostOfRegion the region whose host was called, where no endpoint was given
 * @param isMessage whether it was a messaging action, whose version is the module's
 */
export function hintFor(apiCode: string, hostOfRegion?: string, isMessage = true): string | undefined {
  if (apiCode === 'InvalidActionOrVersion' && !isMessage) return 'Check the action and its version.';
  const hint = HINTS.get(apiCode) ?? HINTS.get(apiCode.split('.', 1)[0] ?? '');
  return apiCode === 'InvalidAccessKey' && hostOfRegion === BYTEPLUS_REGION
    ? `${hint} ${BYTEPLUS_HINT}`
    : hint;
}
