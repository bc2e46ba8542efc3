import type { RtcCallInfo, RtcEvent } from '../diagnostics/rtc-event.js';
import type { QuotaUsage } from '../quota/quota-usage.js';

/** Makes spans and metrics from events. No type of OpenTelemetry appears here, since it may not be installed. */
export interface Telemetry {
  onEvent(event: RtcEvent): void;
  /** Runs a call's work with its span active, so that other spans nest below it. */
  within<T>(call: RtcCallInfo, work: () => T): T;
  /** Measures the quota whenever metrics are collected, until the app shuts down. */
  watch(read: () => QuotaUsage): void;
}

/** Used if telemetry is off or not installed. */
export const NO_TELEMETRY: Telemetry = {
  onEvent: () => undefined,
  within: (_call, work) => work(),
  watch: () => undefined,
};
