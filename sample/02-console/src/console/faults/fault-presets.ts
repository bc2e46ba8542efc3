/**
 * What the console can make the emulator do. docs/emulator-control.md describes the faults; these are the ones
 * that show best what a caller sees.
 */
export const FAULT_PRESETS = {
  throttled: { kind: 'error', code: 'FlowLimitExceeded.QPSOverLimit' },
  reset_accepted: { kind: 'reset', accept: true },
  late: { kind: 'late', delayMs: 8_000 },
  proxy_page: { kind: 'html' },
  internal_error: { kind: 'error', code: 'InternalError' },
  fail_to_connect: { kind: 'error', code: 'FailToConnect' },
  not_enabled: { kind: 'error', code: 'AccessDenied.ServiceNotEnabled' },
  clock: { kind: 'clock', offsetMs: 3_600_000 },
  refuse: { kind: 'refuse', forMs: 5_000 },
} as const;

export type FaultName = keyof typeof FAULT_PRESETS;

/** How many requests it befalls: the next one, or this share of all. */
export type FaultShare = 'next' | 'tenth' | 'half' | 'all';

export const FAULT_SHARES: Readonly<Record<FaultShare, object>> = {
  next: { times: 1 },
  tenth: { probability: 0.1 },
  half: { probability: 0.5 },
  all: { probability: 1 },
};

/** A rule as the emulator's control API takes it. `refuse` begins at once and ends by itself. */
export function faultRule(name: FaultName, share: FaultShare): object {
  return name === 'refuse' ? FAULT_PRESETS.refuse : { ...FAULT_PRESETS[name], ...FAULT_SHARES[share] };
}
