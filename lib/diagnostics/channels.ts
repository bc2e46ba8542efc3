import { channel, type Channel } from 'node:diagnostics_channel';
import type { RtcEvent } from './rtc-event.js';

/** Emits an event. It must not throw. */
export type Emit = (event: RtcEvent) => void;

/** Name of a channel, for `diagnostics_channel.subscribe()`. */
export type RtcChannelName = `nestjs-rtc-messaging:${RtcEvent['type']}`;

const channels = new Map<RtcEvent['type'], Channel>();

/** Kept, since looking one up by its name costs more than publishing to it. */
function channelOf(type: RtcEvent['type']): Channel {
  const opened = channels.get(type) ?? channel(`nestjs-rtc-messaging:${type}` satisfies RtcChannelName);
  channels.set(type, opened);
  return opened;
}

/**
 * Makes a function that publishes events and passes them to the library's own listeners. Publishing costs almost
 * nothing without subscribers.
 */
export function emitTo(listeners: readonly { onEvent(event: RtcEvent): void }[]): Emit {
  return (event) => {
    channelOf(event.type).publish(event);
    for (const listener of listeners) {
      try {
        listener.onEvent(event);
      } catch {
        // A failing logger or exporter of the app must not change the outcome of a call.
      }
    }
  };
}
