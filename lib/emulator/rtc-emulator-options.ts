import type { RtcCredentials } from '../credentials/credentials.js';
import { hostName, isProductionHost, originOf } from './host-name.js';
import type { EmulatorTls } from './listener.js';
import { type QuotaWindowKind, VENDOR_REQUESTS_PER_SECOND } from './quota-window.js';

/** An account at the emulated service: one access key and the apps that it may use. */
export interface EmulatorAccount {
  /** With an `expiration`, they are refused from then on, by the emulator's clock. */
  readonly credentials: RtcCredentials;
  /** The IDs of the apps that the access key may use. */
  readonly appIds: readonly string[];
}

/** Options for `RtcMessagingModule.forRoot()` that lead to the emulator. */
export interface EmulatorModuleOptions {
  /** An app of the emulator's account. */
  readonly appId: string;
  /** The sender whom the emulator was started with. */
  readonly from: string;
  /** The emulator's origin. */
  readonly endpoint: string;
  /** The access key of the emulator's account. */
  readonly credentials: RtcCredentials;
}

/** What an account may send in a second. */
export interface EmulatedQuota {
  /** How much; `Infinity` lifts it. Default 500. */
  readonly requestsPerSecond?: number | undefined;
  /**
   * What counts as one: each `request` (default), or each `recipient` of a request, as an older page of the vendor's
   * has it. A request must fit into what is left of the second as a whole.
   */
  readonly costPer?: 'request' | 'recipient' | undefined;
  /** How the windows lie: in any second, or in each full one. Default `sliding`. */
  readonly window?: QuotaWindowKind | undefined;
}

/** What `RtcEmulator.start()` takes; everything has a default. */
export interface RtcEmulatorOptions {
  /** Default 0: any free port. */
  readonly port?: number | undefined;
  /** The address to listen on. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Serves over TLS with this certificate, which the client's `http.httpsAgent` must trust. Default: plain HTTP. */
  readonly tls?: EmulatorTls | undefined;
  /** The app of the first account. Default `emulator-app`. */
  readonly appId?: string | undefined;
  /** The access key of the first account. Default: a fixed pair that is good here alone. */
  readonly credentials?: RtcCredentials | undefined;
  /** The sender that `moduleOptions()` names. Default `server`. */
  readonly from?: string | undefined;
  /** More accounts, each with its own quota. */
  readonly accounts?: readonly EmulatorAccount[] | undefined;
  /** Each account's quota. */
  readonly quota?: EmulatedQuota | undefined;
  /** Short for `quota: { requestsPerSecond }`. */
  readonly requestsPerSecond?: number | undefined;
  /** Short for `quota: { window }`. */
  readonly quotaWindow?: QuotaWindowKind | undefined;
  /** The limit of each room in a second, counted as the quota is. Default: none. */
  readonly roomMessagesPerSecond?: number | undefined;
  /** The same for rooms of 500 users and more. Default: four fifths of that, as the vendor has 100 and 80. */
  readonly largeRoomMessagesPerSecond?: number | undefined;
  /**
   * What becomes of a message beyond a room's limit, since the vendor does not say: it is refused as for the quota
   * (default), or the request is answered as if it were accepted, and `requests` has it as `dropped`.
   */
  readonly overRoomLimit?: 'refuse' | 'drop' | undefined;
  /**
   * How many bytes of what came and was received are kept to be looked at, about: beyond it, the oldest is dropped,
   * and `dropped` says how much. From 1 MB; default 512 MB, in which at least the last 3 million recipients are counted.
   */
  readonly keepBytes?: number | undefined;
  /**
   * Host names under which requests come, beside those of this machine and `host`: a container's, for example. Others
   * are refused, since a page could have its own name mean this machine.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins whose pages may read and change all of it, such as `http://localhost:3000`. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

export type ResolvedEmulatorOptions = Required<
  Omit<RtcEmulatorOptions, 'tls' | 'quota' | 'requestsPerSecond' | 'quotaWindow'>
> &
  Pick<RtcEmulatorOptions, 'tls'> & { readonly quota: Required<EmulatedQuota> };

const MIN_KEEP_BYTES = 1_048_576;
/** The vendor has 100 for small rooms and 80 for large ones. */
const LARGE_ROOM_SHARE = 0.8;

const DEFAULTS: ResolvedEmulatorOptions = {
  port: 0,
  host: '127.0.0.1',
  appId: 'emulator-app',
  credentials: { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' },
  from: 'server',
  accounts: [],
  quota: { requestsPerSecond: VENDOR_REQUESTS_PER_SECOND, costPer: 'request', window: 'sliding' },
  roomMessagesPerSecond: Number.POSITIVE_INFINITY,
  largeRoomMessagesPerSecond: Number.POSITIVE_INFINITY,
  overRoomLimit: 'refuse',
  keepBytes: 536_870_912,
  allowedHosts: [],
  allowedOrigins: [],
};

/** @throws TypeError naming the option that can't be used */
export function resolveEmulatorOptions(options: RtcEmulatorOptions): ResolvedEmulatorOptions {
  const { requestsPerSecond, quotaWindow: window, quota = {}, ...others } = options;
  const given = withoutUndefined(others);
  const unknown = Object.keys(given).find((name) => name !== 'tls' && !Object.hasOwn(DEFAULTS, name));
  if (unknown !== undefined) throw new TypeError(`${unknown}: is not an option of the emulator`);
  check('quota', typeof quota === 'object' && quota !== null, 'must be an object');
  const unknownOfQuota = Object.keys(quota).find((name) => !Object.hasOwn(DEFAULTS.quota, name));
  if (unknownOfQuota !== undefined)
    throw new TypeError(`quota.${unknownOfQuota}: is not an option of the emulator`);

  const room = options.roomMessagesPerSecond ?? Number.POSITIVE_INFINITY;
  const resolved: ResolvedEmulatorOptions = {
    ...DEFAULTS,
    largeRoomMessagesPerSecond: Math.max(1, Math.floor(room * LARGE_ROOM_SHARE)),
    ...given,
    quota: {
      ...DEFAULTS.quota,
      ...withoutUndefined({ requestsPerSecond, window }),
      ...withoutUndefined(quota),
    },
  };
  const { port, keepBytes, allowedHosts, allowedOrigins } = resolved;
  checkQuota(resolved);
  check(
    'port',
    Number.isInteger(port) && port >= 0 && port <= 65_535,
    'must be a port, or 0 for any free one',
  );
  check(
    'keepBytes',
    Number.isSafeInteger(keepBytes) && keepBytes >= MIN_KEEP_BYTES,
    `must be a whole number from ${MIN_KEEP_BYTES}`,
  );
  check(
    'allowedHosts',
    isListOf(
      allowedHosts,
      (name) => hostName(name) === name.toLowerCase() && !isProductionHost(name.toLowerCase()),
    ),
    "must be a list of host names without port, none of them the service's own",
  );
  check(
    'allowedOrigins',
    isListOf(allowedOrigins, (origin) => originOf(origin) !== undefined),
    'must be a list of origins, such as http://localhost:3000',
  );
  return resolved;
}

function checkQuota({ quota, ...options }: ResolvedEmulatorOptions): void {
  const limits = {
    'quota.requestsPerSecond': quota.requestsPerSecond,
    roomMessagesPerSecond: options.roomMessagesPerSecond,
    largeRoomMessagesPerSecond: options.largeRoomMessagesPerSecond,
  };
  for (const [option, limit] of Object.entries(limits)) {
    const isLimit = limit === Number.POSITIVE_INFINITY || (Number.isInteger(limit) && limit > 0);
    check(option, isLimit, 'must be a whole number from 1, or Infinity');
  }
  const { window, costPer } = quota;
  check('quota.window', window === 'sliding' || window === 'fixed', 'must be sliding or fixed');
  check('quota.costPer', costPer === 'request' || costPer === 'recipient', 'must be request or recipient');
  const { overRoomLimit } = options;
  check('overRoomLimit', overRoomLimit === 'refuse' || overRoomLimit === 'drop', 'must be refuse or drop');
}

function withoutUndefined<T extends object>(options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function check(option: string, holds: boolean, rule: string): void {
  if (!holds) throw new TypeError(`${option}: ${rule}`);
}

function isListOf(value: unknown, holds: (item: string) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && holds(item));
}
