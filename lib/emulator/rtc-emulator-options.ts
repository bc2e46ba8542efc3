import type { RtcCredentials } from '../credentials/credentials.js';
import type { EmulatorAccount } from './account.js';
import { hostName, isProductionHost, originOf } from './host-name.js';
import type { EmulatorTls } from './listener.js';
import { type QuotaWindowKind, VENDOR_REQUESTS_PER_SECOND } from './quota-window.js';

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
  /** Each account's quota; `Infinity` lifts it. Default 500. */
  readonly requestsPerSecond?: number | undefined;
  /** How the quota's windows lie: in any second, or in each full one. Default `sliding`. */
  readonly quotaWindow?: QuotaWindowKind | undefined;
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

export type ResolvedEmulatorOptions = Required<Omit<RtcEmulatorOptions, 'tls'>> &
  Pick<RtcEmulatorOptions, 'tls'>;

/** All accounts: the first is that of `moduleOptions()`. */
export function accountsOf({
  appId,
  credentials,
  accounts,
}: ResolvedEmulatorOptions): readonly EmulatorAccount[] {
  return [{ credentials, appIds: [appId] }, ...accounts];
}

const MIN_KEEP_BYTES = 1_048_576;

const DEFAULTS: ResolvedEmulatorOptions = {
  port: 0,
  host: '127.0.0.1',
  appId: 'emulator-app',
  credentials: { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' },
  from: 'server',
  accounts: [],
  requestsPerSecond: VENDOR_REQUESTS_PER_SECOND,
  quotaWindow: 'sliding',
  keepBytes: 536_870_912,
  allowedHosts: [],
  allowedOrigins: [],
};

/** @throws TypeError naming the option that can't be used */
export function resolveEmulatorOptions(options: RtcEmulatorOptions): ResolvedEmulatorOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const unknown = Object.keys(given).find((name) => name !== 'tls' && !Object.hasOwn(DEFAULTS, name));
  if (unknown !== undefined) throw new TypeError(`${unknown}: is not an option of the emulator`);

  const resolved: ResolvedEmulatorOptions = { ...DEFAULTS, ...given };
  const { port, requestsPerSecond, quotaWindow, keepBytes, allowedHosts, allowedOrigins } = resolved;
  check(
    'port',
    Number.isInteger(port) && port >= 0 && port <= 65_535,
    'must be a port, or 0 for any free one',
  );
  check(
    'requestsPerSecond',
    requestsPerSecond === Number.POSITIVE_INFINITY ||
      (Number.isInteger(requestsPerSecond) && requestsPerSecond > 0),
    'must be a whole number from 1, or Infinity',
  );
  check('quotaWindow', quotaWindow === 'sliding' || quotaWindow === 'fixed', 'must be sliding or fixed');
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

function check(option: string, holds: boolean, rule: string): void {
  if (!holds) throw new TypeError(`${option}: ${rule}`);
}

function isListOf(value: unknown, holds: (item: string) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string' && holds(item));
}
