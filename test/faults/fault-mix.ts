import { type Fault, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PUBLISHED_ERROR_CODES } from '../../lib/openapi/published-errors.js';
import { certificate } from '../support/certificate.js';

/** How long an attempt may take in a run of faults; what is to come too late takes longer. */
export const TIMEOUT_MS = 400;
const LATE_MS = 1_000;
const HOUR = 3_600_000;

/** Where a kind of send goes, with what goes wrong there. */
export interface FaultyPlace {
  readonly name: string;
  /** What befalls the send's own requests, if anything does. */
  readonly fault?: (random: () => number) => Fault;
  readonly at: keyof Emulators;
  /** Makes a new connection for each request. */
  readonly fresh?: boolean;
  /**
   * Whether sends are refused for the quota, which holds up all that share it: these are spread over many apps,
   * each with a quota of its own.
   */
  readonly throttles?: boolean;
  /** Aborts the send after so many milliseconds. */
  readonly abortAfterMs?: (random: () => number) => number;
}

const maybe = (random: () => number): boolean => random() < 0.5;
const errors = (...codes: Extract<Fault, { kind: 'error' }>['code'][]): FaultyPlace[] =>
  codes.flatMap((code) => {
    const throttles = code.includes('FlowLimit');
    return [
      { name: code, at: 'http', throttles, fault: () => ({ kind: 'error', code }) },
      {
        name: `${code} at 200`,
        at: 'tls',
        throttles,
        fault: () => ({ kind: 'error', code, httpStatus: 200 }),
      },
    ];
  });

/** Every fault of the emulator, over HTTP and TLS; what may be accepted is, half of the time. */
export const FAULT_MIX: readonly FaultyPlace[] = [
  ...(['http', 'tls'] as const).flatMap((at): FaultyPlace[] => [
    { name: 'none', at },
    { name: 'none, fresh socket', at, fresh: true },
    { name: 'reset', at, fault: (random) => ({ kind: 'reset', accept: maybe(random) }) },
    {
      name: 'reset, fresh socket',
      at,
      fresh: true,
      fault: (random) => ({ kind: 'reset', accept: maybe(random) }),
    },
    { name: 'late', at, fault: (random) => ({ kind: 'late', delayMs: LATE_MS, accept: maybe(random) }) },
    { name: 'drip', at, fault: (random) => ({ kind: 'drip', intervalMs: 20, accept: maybe(random) }) },
    { name: 'truncated', at, fault: (random) => ({ kind: 'truncated', accept: maybe(random) }) },
    { name: 'html', at, fault: (random) => ({ kind: 'html', accept: maybe(random) }) },
    { name: 'html at 429', at, throttles: true, fault: () => ({ kind: 'html', httpStatus: 429 }) },
    {
      name: 'html at 502',
      at,
      fault: (random) => ({ kind: 'html', httpStatus: 502, accept: maybe(random) }),
    },
    { name: 'empty', at, fault: (random) => ({ kind: 'empty', accept: maybe(random) }) },
    {
      name: 'redirect',
      at,
      fault: (random) => ({ kind: 'redirect', location: 'http://127.0.0.1:1/', accept: maybe(random) }),
    },
    {
      name: 'oversized',
      at,
      fault: (random) => ({ kind: 'oversized', bytes: 100_000, accept: maybe(random) }),
    },
    { name: 'close_after_answer', at, fault: () => ({ kind: 'close_after_answer' }) },
    {
      name: 'Retry-After',
      at,
      throttles: true,
      fault: () => ({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 1 }),
    },
    {
      name: 'InternalError, accepted or not',
      at,
      fault: (random) => ({ kind: 'error', code: 'InternalError', accept: maybe(random) }),
    },
    {
      name: 'aborted',
      at,
      fault: () => ({ kind: 'late', delayMs: 20 }),
      abortAfterMs: (random) => random() * 40,
    },
  ]),
  ...errors(
    'AccessDenied',
    'AccountFlowLimitExceeded',
    'FailToConnect',
    'FlowLimitExceeded.QPSOverLimit',
    'InternalServiceError',
    'InternalServiceTimeout',
    'InvalidAccessKey',
    'InvalidParameter.IllegalTo',
    'ServiceUnavailableTemp',
    'SignatureDoesNotMatch',
  ),
  ...(['http', 'tls'] as const).map((at): FaultyPlace => ({
    name: 'any documented code',
    at,
    fault: (random) => ({
      kind: 'error',
      code: PUBLISHED_ERROR_CODES[Math.floor(random() * PUBLISHED_ERROR_CODES.length)] ?? 'InternalError',
      ...(maybe(random) && { httpStatus: 200 }),
    }),
  })),
  { name: 'refused', at: 'flapping', fresh: true },
  { name: 'handshake reset', at: 'handshake', fresh: true },
  { name: 'untrusted certificate', at: 'impostor', fresh: true },
  { name: 'clock that jumps', at: 'jumping' },
  { name: 'token that expires', at: 'tokens' },
];

/** One emulator for all that befalls single requests, and one for each thing that befalls all of them. */
export interface Emulators {
  readonly http: RtcEmulator;
  readonly tls: RtcEmulator;
  readonly flapping: RtcEmulator;
  readonly handshake: RtcEmulator;
  readonly impostor: RtcEmulator;
  readonly jumping: RtcEmulator;
  readonly tokens: RtcEmulator;
}

/** The access keys between which the provider of `tokens` changes. */
export const TOKENS = ['first', 'second'].map((name) => ({
  accessKeyId: `${name}-key`,
  secretAccessKey: `CANARY-secret-${name}`,
  sessionToken: `CANARY-token-${name}`,
}));

/** The account of the apps over which throttled sends are spread. */
export const MANY_APPS = {
  credentials: { accessKeyId: 'key-of-many-apps', secretAccessKey: 'CANARY-secret-of-many' },
  appIds: Array.from({ length: 12 }, (_none, index) => `app-${index}`),
};

export async function startEmulators(
  seed: number,
): Promise<{ emulators: Emulators; ca: string; close(): Promise<void> }> {
  const tls = await certificate();
  const credentials = { accessKeyId: 'access-key', secretAccessKey: 'CANARY-secret' };
  const start = (options: Parameters<typeof RtcEmulator.start>[0]): Promise<RtcEmulator> =>
    RtcEmulator.start({
      credentials,
      quota: { requestsPerSecond: Number.POSITIVE_INFINITY },
      keepBytes: 2 ** 30,
      ...options,
    });
  const emulators: Emulators = {
    http: await start({ accounts: [MANY_APPS] }),
    tls: await start({ tls, accounts: [MANY_APPS] }),
    flapping: await start({}),
    handshake: await start({ tls }),
    impostor: await start({ tls }),
    jumping: await start({}),
    tokens: await start({
      accounts: TOKENS.map((token) => ({ credentials: token, appIds: ['emulator-app'] })),
    }),
  };
  emulators.handshake.faults.add({ kind: 'reset_connection', probability: 0.5, seed });
  emulators.impostor.faults.add({
    kind: 'untrusted_certificate',
    ...(await certificate()),
    probability: 0.3,
    seed,
  });
  emulators.tokens.faults.add({ kind: 'error', code: 'InvalidSecretToken', probability: 0.3, seed });
  const flap = setInterval(() => {
    emulators.flapping.faults.clear();
    emulators.flapping.faults.add({ kind: 'refuse', forMs: 150 });
  }, 250);
  const offsets = [0, HOUR, -5 * HOUR, 0, 100 * HOUR];
  let jumps = 0;
  const jump = setInterval(() => {
    jumps += 1;
    emulators.jumping.clock.offsetMs = offsets[jumps % offsets.length] ?? 0;
  }, 300);
  return {
    emulators,
    ca: tls.cert,
    close: async () => {
      clearInterval(flap);
      clearInterval(jump);
      for (const emulator of Object.values(emulators) as RtcEmulator[]) await emulator.close();
    },
  };
}
