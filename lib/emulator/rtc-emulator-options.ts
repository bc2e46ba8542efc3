import type { RtcCredentials } from '../credentials/credentials.js';
import type { EmulatorAccount } from './account.js';
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
  /** How many requests, and how many messages a participant, are kept to be looked at. Default 10,000. */
  readonly keep?: number | undefined;
}

export type ResolvedEmulatorOptions = Required<Omit<RtcEmulatorOptions, 'tls'>> &
  Pick<RtcEmulatorOptions, 'tls'>;

const DEFAULTS: ResolvedEmulatorOptions = {
  port: 0,
  host: '127.0.0.1',
  appId: 'emulator-app',
  credentials: { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' },
  from: 'server',
  accounts: [],
  requestsPerSecond: VENDOR_REQUESTS_PER_SECOND,
  quotaWindow: 'sliding',
  keep: 10_000,
};

/** @throws TypeError naming the option that can't be used */
export function resolveEmulatorOptions(options: RtcEmulatorOptions): ResolvedEmulatorOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const unknown = Object.keys(given).find((name) => name !== 'tls' && !Object.hasOwn(DEFAULTS, name));
  if (unknown !== undefined) throw new TypeError(`${unknown}: is not an option of the emulator`);

  const resolved: ResolvedEmulatorOptions = { ...DEFAULTS, ...given };
  const { port, requestsPerSecond, quotaWindow, keep } = resolved;
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
  check('keep', Number.isInteger(keep) && keep >= 0, 'must be a whole number from 0');
  return resolved;
}

function check(option: string, holds: boolean, rule: string): void {
  if (!holds) throw new TypeError(`${option}: ${rule}`);
}
