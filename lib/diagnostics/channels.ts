import { channel, type Channel } from 'node:diagnostics_channel';
import type { RtcEvent } from './rtc-event.js';

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

/** Costs next to nothing while no one has subscribed. */
export function publish(event: RtcEvent): void {
  CHANNELS[event.type].publish(event);
}
