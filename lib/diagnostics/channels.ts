import { channel, type Channel } from 'node:diagnostics_channel';
import type { Emit, RtcEvent } from './rtc-event.js';

/** Name of a channel, for `diagnostics_channel.subscribe()`. */
export type RtcChannelName = `nestjs-rtc-messaging:${RtcEvent['type']}`;

const CHANNELS: Readonly<Record<RtcEvent['type'], Channel>> = {
  begin: open('begin'),
  attempt: open('attempt'),
  wait: open('wait'),
  retry: open('retry'),
  outcome: open('outcome'),
  fan_out_begin: open('fan_out_begin'),
  fan_out_outcome: open('fan_out_outcome'),
  clock: open('clock'),
  credentials: open('credentials'),
  quota: open('quota'),
  throttling: open('throttling'),
  shutdown: open('shutdown'),
  receipt: open('receipt'),
};

function open(type: RtcEvent['type']): Channel {
  return channel(`nestjs-rtc-messaging:${type}` satisfies RtcChannelName);
}

/**
 * Makes a function that publishes events and passes them to the library's own listeners. Publishing costs almost
 * nothing without subscribers.
 */
export function emitTo(listeners: readonly { onEvent(event: RtcEvent): void }[]): Emit {
  return (event) => {
    CHANNELS[event.type].publish(event);
    for (const listener of listeners) {
      try {
        listener.onEvent(event);
      } catch {
        // A failing logger or exporter of the app must not change the outcome of a call.
      }
    }
  };
}
