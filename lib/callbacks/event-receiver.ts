import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { TimeBox } from '../waiting/time-box.js';
import type { Answer, Fields } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { Handler } from './find-handlers.js';
import { HandledEvents, type KnownEvent } from './handled-events.js';
import { readEvent, type SignedEvent } from './read-event.js';
import type { RtcCallbackEvent } from './rtc-callback-event.js';

/**
 * How long a call of a handler is waited for, in milliseconds. The service tries three times and waits five seconds
 * each time: its second try still waits for the first call, and its third one comes late enough for another.
 */
const CALL_LIMIT_MS = { handled: 8_000, early: 60_000 };

/** Takes the service's events, and has the app handle each. */
export class EventReceiver {
  readonly #events: HandledEvents;

  /**
   * @param handlers the app's; they may be added later
   * @param track is told of work that goes on after its request was answered
   */
  constructor(
    private readonly appId: string,
    private readonly settings: EventSettings,
    private readonly handlers: readonly Handler[],
    private readonly log: LimitedLog,
    private readonly track: (work: Promise<unknown>) => void,
    private readonly callLimitMs: number = CALL_LIMIT_MS[settings.acknowledge],
  ) {
    this.#events = new HandledEvents(appId, settings, log);
  }

  /** @throws Refusal */
  async receive(fields: Fields): Promise<Answer> {
    const signed = readEvent(fields, this.appId, this.settings, Date.now());
    const { event } = signed;
    const handlers = this.handlers.filter(({ types }) => types.includes('*') || types.includes(event.type));
    // What nobody handles is not remembered either: it may be a changed copy of an event that somebody does.
    if (handlers.length === 0) return { status: 200 };
    const work = this.#handle(signed, handlers, await this.#events.find(signed));
    if (this.settings.acknowledge === 'early') {
      this.track(work);
      return { status: 200 };
    }
    return { status: (await work) ? 200 : 500 };
  }

  /** Never rejects. */
  async #handle(signed: SignedEvent, handlers: readonly Handler[], known: KnownEvent): Promise<boolean> {
    const { calls } = known;
    if (calls === undefined) return true;
    // A retry waits for the calls that are under way, and starts those that have failed.
    const ends = handlers.map((handler) => calls.get(handler) ?? this.#call(handler, signed.event, calls));
    if (!(await Promise.all(ends)).every(Boolean)) return false;
    if (known.calls !== undefined) await this.#events.setHandled(signed, known);
    return true;
  }

  #call(handler: Handler, event: RtcCallbackEvent, calls: Map<Handler, Promise<boolean>>): Promise<boolean> {
    const call = handler.run(event).then(() => true);
    // A process that has closed does not stay for a call that hangs.
    const limit = new TimeBox(this.callLimitMs).unref();
    const end = limit.guard(call).catch((error: unknown) => {
      calls.delete(handler);
      const { label } = handler;
      const why = limit.interruption ? `no end in ${this.callLimitMs} ms` : describeThrown(error);
      this.log.write('error', label, `${label} failed to handle ${event.type}: ${why}`);
      return false;
    });
    calls.set(handler, end);
    void end.then(() => limit.dispose());
    // One that succeeds later is not called again.
    void call.then(
      () => calls.set(handler, call),
      () => undefined,
    );
    return end;
  }
}
