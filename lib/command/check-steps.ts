import { REGION_HOSTS } from '../config/regions.js';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import type { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { CERTIFICATE_FAILURE, NAME_FAILURE } from '../retry/retry-decision.js';

/** What a request passes on its way, in that order, and what is right there. What is before its failure is right. */
export const RIGHT = {
  settings: ({ endpoint, from, isEndpointGiven, region }) => {
    // A lost variable turns an emulator's setup into the real service's.
    const way = isEndpointGiven ? 'by endpoint (RTC_ENDPOINT)' : `by the region ${region}`;
    const sender = from === undefined ? 'each message has to name its from' : `from ${from}`;
    return `complete; messages go to ${new URL(endpoint).host}, ${way}; ${sender}`;
  },
  DNS: ({ endpoint }) => `${new URL(endpoint).hostname} is found`,
  connection: ({ endpoint }) => `${new URL(endpoint).host} can be connected to`,
  TLS: () => 'the certificate is trusted',
  answer: () => 'the service answers',
  throttling: () => 'the request was not throttled',
  'access key': () => 'is known',
  clock: () => "is within 15 minutes of the service's",
  signature: () => 'the secret key is right',
  permission: () => 'the key may ask who is in a room',
  app: ({ appId }) => `${appId} may be used with this key`,
  region: ({ endpoint, region }) => `${region} was accepted by ${new URL(endpoint).host}`,
  messaging: () => 'a message was accepted, so messaging is probably switched on',
} satisfies Readonly<Record<string, (settings: RtcMessagingSettings) => string>>;

export type Step = keyof typeof RIGHT;

export const STEPS = Object.keys(RIGHT) as Step[];

const OF_CODES: readonly (readonly [RegExp, Step])[] = [
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
export function stepOf(error: RtcMessagingError): Step {
  const { throttled, phase, failure = '' } = error.attempts.at(-1) ?? {};
  if (throttled) return 'throttling';
  if (error instanceof RtcApiError)
    return OF_CODES.find(([pattern]) => pattern.test(error.apiCode))?.[1] ?? 'answer';
  if (phase !== 'queued' && phase !== 'connecting') return 'answer';
  if (NAME_FAILURE.test(failure)) return 'DNS';
  return CERTIFICATE_FAILURE.test(failure) || /SSL|TLS|EPROTO/.test(failure) ? 'TLS' : 'connection';
}

/** Requests that are signed for one region, and go to the host of another. */
export function regionProblem(endpoint: string, region: string): string | undefined {
  const { hostname } = new URL(endpoint);
  const [own] = [...REGION_HOSTS].find(([, host]) => host === hostname) ?? [];
  // Volcengine's Go SDK gives its own host in Singapore the name that BytePlus's has.
  const isOtherName = own === 'ap-southeast-1' && region === 'ap-singapore-1';
  if (own === undefined || own === region || isOtherName) return undefined;
  return (
    `requests are signed for ${region}, but endpoint (RTC_ENDPOINT) is the host of ${own}; ` +
    `set region (RTC_REGION) to ${own}, or leave the endpoint out`
  );
}
