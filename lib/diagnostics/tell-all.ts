import { publish } from './channels.js';
import type { Observe, RtcEvent } from './rtc-event.js';

/** Publishes events, and hands them to those within the library who go by them. */
export function tellAll(observers: readonly { observe(event: RtcEvent): void }[]): Observe {
  return (event) => {
    publish(event);
    for (const observer of observers) {
      try {
        observer.observe(event);
      } catch {
        // A logger or an exporter of the app's that throws must not take a call's outcome with it.
      }
    }
  };
}
