import type { RtcCallInfo, RtcEvent } from '../diagnostics/rtc-event.js';
import type { QuotaUsage } from '../quota/quota-usage.js';

/** Makes spans and metrics of what happens. Nothing here names OpenTelemetry's types, which may not be installed. */
export interface Telemetry {
  onEvent(event: RtcEvent): void;
  /** Does a call's work with its span as the active one, so that what others trace of it hangs below that. */
  within<T>(call: RtcCallInfo, work: () => T): T;
  /** Reads the quota's use whenever metrics are collected, until the app shuts down. */
  watch(read: () => QuotaUsage): void;
}

/** Where telemetry is switched off or not installed. */
export const NO_TELEMETRY: Telemetry = {
  onEvent: () => undefined,
  within: (_call, work) => work(),
  watch: () => undefined,
};
