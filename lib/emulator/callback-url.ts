import { text, unless } from '../options/rules.js';
import { hostName, isProductionHost } from './host-name.js';

/** Where events are told to, as it is registered at the vendor's. */
export interface EventCallback {
  /** The business server's, over http: or https:. */
  readonly url: string;
  /** What events are signed with, and the app checks them with. Default `emulator-callback-secret`. */
  readonly secret?: string | undefined;
}

const MAX_LENGTH = 2_048;

/** The fields of an {@link EventCallback}. */
export const EVENT_CALLBACK = {
  url: { rule: unless<string>(urlProblem), required: true },
  secret: {
    rule: text(/^.{1,1024}$/s, 'must have 1 to 1024 characters'),
    default: 'emulator-callback-secret',
  },
} as const;

/** @throws TypeError for what is no URL of a business server */
export function readCallbackUrl(given: unknown): URL {
  const problem = urlProblem(given);
  if (problem !== undefined) throw new TypeError(`url: ${problem}`);
  return new URL(given as string);
}

function urlProblem(given: unknown): string | undefined {
  const isUrl = typeof given === 'string' && given.length <= MAX_LENGTH && URL.canParse(given);
  const url = isUrl ? new URL(given) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    return 'must be a URL over http: or https:, without a user name and a password';
  }
  return isProductionHost(hostName(url.host) ?? '') ? "must not lead to the service's own hosts" : undefined;
}
