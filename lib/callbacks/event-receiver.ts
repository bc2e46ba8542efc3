import type { LimitedLog } from '../diagnostics/limited-log.js';
import type { Answer } from './answer.js';
import type { CallbackSettings } from './callback-settings.js';
import { describeFailure } from './describe-failure.js';
import type { EventHandler } from './find-handlers.js';
import { readEvent } from './read-event.js';
import { RecentMap } from './recent-map.js';
import type { RtcCallbackEvent } from './rtc-callback-event.js';
import { SeenEvents } from './seen-events.js';

/** Of events that some handlers have handled and others not. Two for each. */
const MAX_PARTLY_HANDLED = 2_000;

/**
 * Takes the service's events, and has the app handle each. An event is recognised by its ID and by its signature: the
 * signature stays valid when characters move from one field to another, and so when the ID is changed.
 */
export class EventReceiver {
  /** The app's handlers, once they were found. */
  handlers: readonly EventHandler[] = [];

  readonly #running = new Map<string, Promise<boolean>>();
  readonly #partlyHandled = new RecentMap<Set<EventHandler>>(MAX_PARTLY_HANDLED);
  readonly #seen: SeenEvents;
  readonly #keepMs: number;

  constructor(
    private readonly settings: CallbackSettings,
    private readonly log: LimitedLog,
    /** Is told of work that may go on after its request was answered. */
    private readonly track: (work: Promise<unknown>) => void,
    private readonly now: () => number = () => performance.now(),
  ) {
    const { maxAgeMs, redis } = settings.events;
    // From the earliest time at which an event is accepted to the latest.
    this.#keepMs = 2 * maxAgeMs;
    this.#seen = new SeenEvents({
      appId: settings.appId,
      keepMs: this.#keepMs,
      redis: redis?.open(),
      onRedisFailure: (error) =>
        log.write(
          'warn',
          'redis',
          `Events are remembered in this process alone, since Redis fails: ${describeFailure(error)}`,
        ),
      now,
    });
  }

  /** @throws Refusal */
  async receive(body: unknown): Promise<Answer> {
    const { appId, events } = this.settings;
    const rules = { appId, secrets: events.secrets?.open() ?? [], maxAgeMs: events.maxAgeMs };
    const { event, signature } = readEvent(body, rules, Date.now());
    const keys = [`id:${event.id}`, `signature:${signature}`];
    // A retry that comes while the event is being handled waits for the same end.
    const work = keys.map((key) => this.#running.get(key)).find((one) => one !== undefined);
    const isHandled = work ?? this.#start(event, keys);
    if (events.acknowledge === 'early') return { status: 200 };
    return { status: (await isHandled) ? 200 : 500 };
  }

  #start(event: RtcCallbackEvent, keys: readonly string[]): Promise<boolean> {
    const work = this.#handle(event, keys).finally(() => {
      for (const key of keys) this.#running.delete(key);
    });
    for (const key of keys) this.#running.set(key, work);
    this.track(work);
    return work;
  }

  /** Never rejects. */
  async #handle(event: RtcCallbackEvent, keys: readonly string[]): Promise<boolean> {
    const handlers = this.handlers.filter(({ types }) => types.includes('*') || types.includes(event.type));
    if (handlers.length === 0 || (await this.#seen.has(keys))) return true;
    const now = this.now();
    const earlier = keys.map((key) => this.#partlyHandled.get(key, now)).find((set) => set !== undefined);
    const done = earlier ?? new Set<EventHandler>();
    await Promise.all(
      handlers.filter((handler) => !done.has(handler)).map((handler) => this.#run(handler, event, done)),
    );
    if (done.size < handlers.length) {
      for (const key of keys) this.#partlyHandled.set(key, done, now, now + this.#keepMs);
      return false;
    }
    await this.#seen.add(keys);
    return true;
  }

  async #run(handler: EventHandler, event: RtcCallbackEvent, done: Set<EventHandler>): Promise<void> {
    try {
      await handler.run(event);
      done.add(handler);
    } catch (error) {
      const { label } = handler;
      this.log.write('error', label, `${label} failed to handle ${event.type}: ${describeFailure(error)}`);
    }
  }
}
