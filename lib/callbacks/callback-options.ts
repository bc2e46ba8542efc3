import type { RtcReceiptOptions } from '../receipts/receipt-options.js';

/** Options of `RtcCallbackModule`. */
export interface RtcCallbackOptions {
  /** The app's ID (AppId). Environment: `RTC_APP_ID`. */
  readonly appId?: string | undefined;
  /** Receives the service's events. Off by default. */
  readonly events?: RtcEventsOptions | undefined;
  /** Receives clients' messages. Off by default. */
  readonly clientMessages?: RtcClientMessagesOptions | undefined;
  /** Awaits receipts of messages, which come as clients' messages: `{}` for the defaults. Off by default. Experimental. */
  readonly receipts?: RtcReceiptOptions | undefined;
}

/** How the service's events are received. */
export interface RtcEventsOptions {
  /**
   * The path of the URL that is registered with the service, such as `/rtc/events`. It is the whole path: the app's
   * global prefix is not put before it.
   */
  readonly path: string;
  /**
   * The secret keys that are registered with the URL, 1–10, of 8–256 characters each. While a key is being changed, name the new one and the old
   * one. Environment: `RTC_CALLBACK_SECRETS`, separated by commas.
   */
  readonly secrets?: readonly string[] | undefined;
  /**
   * How far an event's time may be from now, in milliseconds, 1,000–86,400,000. Events are remembered for twice as
   * long. Default 900,000 (15 minutes).
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * `handled`: the service is answered when the handlers have ended, and sends the event again if one failed. `early`:
   * it is answered at once, and an event whose handler fails is lost. Default `handled`.
   */
  readonly acknowledge?: 'handled' | 'early' | undefined;
  /**
   * A connected client of `ioredis`, in which all processes remember the events that were handled. It is never closed.
   * Different services that share a Redis must give their clients a `keyPrefix` each, or one would take what the other
   * has handled for its own. Default: each process remembers its own.
   */
  readonly redis?: EventRedis | undefined;
}

/** How clients' messages are received. */
export interface RtcClientMessagesOptions {
  /**
   * The path of the URL that clients pass to `setServerParams`, such as `/rtc/messages`. It is the whole path: the
   * app's global prefix is not put before it.
   */
  readonly path: string;
  /**
   * Secrets of your own that sign what a client is issued, 1–10, of 16–256 characters each. The first one signs, and
   * all are accepted. Environment: `RTC_CLIENT_MESSAGE_SECRETS`, separated by commas.
   */
  readonly secrets?: readonly string[] | undefined;
  /** Messages that are taken from one user in any second, in this process, 1–10,000. Default 20. */
  readonly maxPerSecond?: number | undefined;
}

/** The two commands of `ioredis` by which events are remembered. An object with these methods will do. */
export interface EventRedis {
  /** Resolves with the value of a key, or with null. */
  get(key: string): Promise<string | null>;
  /** Sets a key that expires. */
  set(key: string, value: string, px: 'PX', milliseconds: number): Promise<unknown>;
}

/** Makes the options, for `useClass` and `useExisting`. */
export interface RtcCallbackOptionsFactory {
  /** Called once, when the app boots. */
  createRtcCallbackOptions(): Promise<RtcCallbackOptions> | RtcCallbackOptions;
}

/** What Nest must know before any async factory runs. */
export interface RtcCallbackExtras {
  /**
   * Name of the module, for several apps of the service in one process: 1–64 of `a-z A-Z 0-9 . _ -`. Handlers name it,
   * too: `@OnRtcEvent(type, { name })`.
   */
  readonly name?: string | undefined;
}
