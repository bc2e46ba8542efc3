import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { waitFor } from '../waiting/time-box.js';
import type { Answer, Fields } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { Handler } from './find-handlers.js';
import { type Call, HandledEvents } from './handled-events.js';
import { readEvent } from './read-event.js';
import type { RtcCallbackEvent } from './rtc-callback-event.js';

/**
 * How long a request waits for a handler, and a handler is not called again, in milliseconds. The service tries three
 * times and waits five seconds each time: its second try still waits for the first call, and its third one comes late
 * enough for another.
 */
const CALL_LIMIT_MS = { handled: 8_000, early: 60_000 };
const DONE: Call = { mayRepeat: false, success: Promise.resolve() };

/** Takes the service's events, and has the app handle each. */
export class EventReceiver {
  readonly #events: HandledEvents;

  /** @param handlers the app's; they may be added later */
  constructor(
    private readonly appId: string,
    private readonly settings: EventSettings,
    private readonly handlers: readonly Handler[],
    private readonly log: LimitedLog,
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
    const known = await this.#events.find(signed);
    const { calls } = known;
    if (calls === undefined) return { status: 200 };
    const successes = handlers.map((handler) => this.#call(handler, event, calls));
    // Also when no request waits for it any more.
    const work = Promise.all(successes).then(() => this.#events.setHandled(signed, known));
    if (this.settings.acknowledge === 'early') {
      // Its failure is in the log.
      work.catch(() => undefined);
      return { status: 200 };
    }
    return await waitFor(work, this.callLimitMs).then(
      () => ({ status: 200 }),
      () => ({ status: 500 }),
    );
  }

  /** Resolves when a call of the handler has succeeded. Starts one if none is under way that may. */
  #call(handler: Handler, event: RtcCallbackEvent, calls: Map<Handler, Call>): Promise<unknown> {
    const earlier = calls.get(handler);
    if (earlier?.mayRepeat === false) return earlier.success;
    const run = handler.run(event);
    // One that was given up may still succeed.
    const call = { mayRepeat: false, success: Promise.any(earlier ? [run, earlier.success] : [run]) };
    calls.set(handler, call);
    const giveUp = (why: string): void => {
      call.mayRepeat = true;
      this.log.write('error', handler.label, `${handler.label} failed to handle ${event.type}: ${why}`);
    };
    const limit = setTimeout(giveUp, this.callLimitMs, `no end in ${this.callLimitMs} ms`);
    // A process that has closed does not stay for a call that hangs.
    limit.unref();
    void run.catch((error: unknown) => giveUp(describeThrown(error))).then(() => clearTimeout(limit));
    void call.success.then(
      () => calls.set(handler, DONE),
      () => undefined,
    );
    return call.success;
  }
}
