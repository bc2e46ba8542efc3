import { channel, type Channel } from 'node:diagnostics_channel';
import type { Emit, RtcEvent } from './rtc-event.js';

/** A channel's name, to be given to `diagnostics_channel.subscribe()`. */
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
};

function open(type: RtcEvent['type']): Channel {
  return channel(`nestjs-rtc-messaging:${type}` satisfies RtcChannelName);
}

/**
 * Publishes events, which costs next to nothing while no one has subscribed, and hands them to those within the library
 * who go by them.
 */
export function emitTo(listeners: readonly { onEvent(event: RtcEvent): void }[]): Emit {
  return (event) => {
    CHANNELS[event.type].publish(event);
    for (const listener of listeners) {
      try {
        listener.onEvent(event);
      } catch {
        // A logger or an exporter of the app's that throws must not take a call's outcome with it.
      }
    }
  };
}
