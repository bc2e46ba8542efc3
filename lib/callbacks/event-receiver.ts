import type { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import type { Answer, Fields } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { Handler } from './find-handlers.js';
import { HandledEvents } from './handled-events.js';
import { readEvent } from './read-event.js';
import type { RtcCallbackEvent } from './rtc-callback-event.js';

/**
 * Takes the service's events, and has the app handle each. An event is recognised by its ID and by its signature: the
 * signature stays valid when characters move from one field to another, and so when the ID is changed.
 */
export class EventReceiver {
  /** The events that are being handled, each under its keys. They resolve with whether all handlers succeeded. */
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #handled: HandledEvents;

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
  ) {
    this.#handled = new HandledEvents(appId, settings, log);
  }

  /** @throws Refusal */
  async receive(fields: Fields): Promise<Answer> {
    const { event, signature } = readEvent(fields, this.appId, this.settings, Date.now());
    const keys = [`id:${event.id}`, `signature:${signature}`];
    // A retry that comes while the event is being handled waits for the same end.
    const joined = keys.map((key) => this.#running.get(key)).find((work) => work !== undefined);
    const work = joined ?? this.#start(event, keys);
    if (this.settings.acknowledge === 'early') {
      this.track(work);
      return { status: 200 };
    }
    return { status: (await work) ? 200 : 500 };
  }

  #start(event: RtcCallbackEvent, keys: readonly string[]): Promise<boolean> {
    const work = this.#handle(event, keys).finally(() => {
      for (const key of keys) this.#running.delete(key);
    });
    for (const key of keys) this.#running.set(key, work);
    return work;
  }

  /** Never rejects. */
  async #handle(event: RtcCallbackEvent, keys: readonly string[]): Promise<boolean> {
    const handlers = this.handlers.filter(({ types }) => types.includes('*') || types.includes(event.type));
    if (handlers.length === 0) return true;
    const by = (await this.#handled.get(keys)) ?? new Set();
    if (by === true) return true;
    // Those that have succeeded are not called again because another one failed.
    const left = handlers.filter((handler) => !by.has(handler));
    await Promise.all(
      left.map(async (handler) => {
        try {
          await handler.run(event);
          by.add(handler);
        } catch (error) {
          const { label } = handler;
          this.log.write('error', label, `${label} failed to handle ${event.type}: ${describeThrown(error)}`);
        }
      }),
    );
    const isHandled = handlers.every((handler) => by.has(handler));
    await this.#handled.set(keys, isHandled || by);
    return isHandled;
  }
}
