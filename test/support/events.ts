import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { RtcEvent } from 'nestjs-rtc-messaging';

const TYPES: readonly RtcEvent['type'][] = [
  'begin',
  'attempt',
  'wait',
  'retry',
  'outcome',
  'fan_out_begin',
  'fan_out_outcome',
  'clock',
  'credentials',
  'quota',
  'shutdown',
];

/** Listens to everything that the library publishes, as a tool of the app's would. */
export function listenToEvents(): { readonly events: RtcEvent[]; stop(): void } {
  const events: RtcEvent[] = [];
  const listener = (event: unknown): void => void events.push(event as RtcEvent);
  for (const type of TYPES) subscribe(`nestjs-rtc-messaging:${type}`, listener);
  return {
    events,
    stop: () => {
      for (const type of TYPES) unsubscribe(`nestjs-rtc-messaging:${type}`, listener);
    },
  };
}
