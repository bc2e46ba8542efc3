import { createSecureContext } from 'node:tls';
import { readKeys, type RtcCredentials } from '../credentials/credentials.js';
import { idProblem } from '../dto/field-rules.js';
import { EVENT_CALLBACK, type EventCallback } from './callback-url.js';
import { hostName, isOrigin, isProductionHost } from './host-name.js';
import { appId, appKey, flag, listOf, must, oneOf, text, unless, wholeNumber } from '../options/rules.js';
import type { QuotaWindowKind } from './quota-window.js';
import type { OptionTable, OptionValues } from '../options/option-table.js';
import { checkedOptions } from '../options/read-options.js';

/** Certificate and private key of a server, in PEM. */
export interface EmulatorTls {
  /** The private key. */
  readonly key: string;
  /** The certificate, with those between it and the root. */
  readonly cert: string;
}

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
  /** That app's key. */
  readonly appKey: string;
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
  /** That app's key: clients' tokens are signed with it. Default `emulator-app-key`. */
  readonly appKey?: string | undefined;
  /** Whether who joins a room or logs in must have a token of that app's. Default false. */
  readonly requireTokens?: boolean | undefined;
  /** The access key of the first account. Default: a fixed pair that is good here alone. */
  readonly credentials?: RtcCredentials | undefined;
  /** The sender that `moduleOptions()` names. Default `server`. */
  readonly from?: string | undefined;
  /** More accounts, each with its own quota. */
  readonly accounts?: readonly EmulatorAccount[] | undefined;
  /** Each account's quota. */
  readonly quota?: EmulatedQuota | undefined;
  /** The limit of each room in a second, counted as the quota is. Default: none. */
  readonly roomMessagesPerSecond?: number | undefined;
  /** The same for rooms of 500 users and more. Default: four fifths of that, as the vendor has 100 and 80. */
  readonly largeRoomMessagesPerSecond?: number | undefined;
  /**
   * What becomes of a message beyond a room's limit, since the vendor does not say: it is refused as for the quota
   * (default), or the request is answered as if it were accepted, and `requests` has it as `dropped`.
   */
  readonly overRoomLimit?: 'refuse' | 'drop' | undefined;
  /** Where events of rooms are told to; `callbacks.register()` sets it later. Default: nowhere. */
  readonly callbacks?: EventCallback | undefined;
  /**
   * How many bytes of what came and was received are kept to be looked at, about: beyond it, the oldest is dropped,
   * and `dropped` says how much. From 1 MB; default 512 MB, in which at least the last million recipients are counted.
   */
  readonly keepBytes?: number | undefined;
  /**
   * Host names under which requests come, beside those of this machine and `host`: a container's, for example. Others
   * are refused, since a page could have its own name mean this machine.
   */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Origins whose pages may join over WebSocket, such as `http://localhost:3000`. Default: none. */
  readonly allowedOrigins?: readonly string[] | undefined;
}

const MIN_KEEP_BYTES = 1_048_576;
/** The vendor has 100 for small rooms and 80 for large ones. */
const LARGE_ROOM_SHARE = 0.8;

const limit = wholeNumber(1, Number.POSITIVE_INFINITY);
const notEmpty = text(/./, 'must not be empty');

const isHostName = (name: unknown): boolean =>
  typeof name === 'string' && hostName(name) === name.toLowerCase() && !isProductionHost(name.toLowerCase());
/** Those that the module takes: others could not be sent. */
const isCredentials = (given: unknown): boolean => readKeys(given as object).problems.length === 0;
const isAccount = (given: unknown): boolean => {
  const { credentials, appIds } = given as EmulatorAccount;
  return isCredentials(credentials) && Array.isArray(appIds) && appIds.every((id) => 'value' in appId(id));
};

const OPTIONS = {
  port: { rule: wholeNumber(0, 65_535, 'a port'), default: 0 },
  host: { rule: notEmpty, default: '127.0.0.1' },
  tls: unless<EmulatorTls>((given) => certificateProblem(Object(given) as EmulatorTls)),
  appId: { rule: appId, default: 'emulator-app' },
  appKey: { rule: appKey, default: 'emulator-app-key' },
  requireTokens: { rule: flag, default: false },
  credentials: {
    rule: must<RtcCredentials>(
      '{ accessKeyId, secretAccessKey }, of printable ASCII without spaces',
      isCredentials,
    ),
    default: { accessKeyId: 'emulator-access-key', secretAccessKey: 'emulator-secret-key' },
  },
  from: { rule: unless<string>(idProblem), default: 'server' },
  accounts: { rule: listOf<EmulatorAccount>('a list of { credentials, appIds }', isAccount), default: [] },
  quota: {
    options: {
      requestsPerSecond: { rule: limit, default: 500 },
      costPer: { rule: oneOf('request', 'recipient'), default: 'request' },
      window: { rule: oneOf('sliding', 'fixed'), default: 'sliding' },
    },
  },
  roomMessagesPerSecond: { rule: limit, default: Number.POSITIVE_INFINITY },
  largeRoomMessagesPerSecond: limit,
  overRoomLimit: { rule: oneOf('refuse', 'drop'), default: 'refuse' },
  callbacks: { options: EVENT_CALLBACK, optional: true },
  keepBytes: { rule: wholeNumber(MIN_KEEP_BYTES), default: 536_870_912 },
  allowedHosts: {
    rule: listOf<string>("a list of host names without port, none of them the service's own", isHostName),
    default: [],
  },
  allowedOrigins: {
    rule: listOf<string>(
      'a list of origins as browsers send them, in lower case, without a default port or a final slash, such as http://localhost:3000',
      isOrigin,
    ),
    default: [],
  },
} satisfies OptionTable<RtcEmulatorOptions>;

/** What is wrong with a private key and its certificate. */
export function certificateProblem({ key, cert }: EmulatorTls): string | undefined {
  try {
    if (key && cert && createSecureContext({ key, cert })) return undefined;
  } catch {
    // OpenSSL's own words name neither.
  }
  return 'key and cert must be PEM texts that belong together';
}

export type ResolvedEmulatorOptions = OptionValues<typeof OPTIONS> & {
  /** All of them: the first is that of `moduleOptions()`. */
  readonly accounts: readonly EmulatorAccount[];
  readonly largeRoomMessagesPerSecond: number;
};

/** @throws TypeError naming each option that can't be used */
export function resolveEmulatorOptions(options: RtcEmulatorOptions): ResolvedEmulatorOptions {
  const values = checkedOptions(OPTIONS, options);
  const { appId, credentials, roomMessagesPerSecond } = values;
  const share = Math.max(1, Math.floor(roomMessagesPerSecond * LARGE_ROOM_SHARE));
  return {
    ...values,
    accounts: [{ credentials, appIds: [appId] }, ...values.accounts],
    largeRoomMessagesPerSecond: values.largeRoomMessagesPerSecond ?? share,
  };
}
