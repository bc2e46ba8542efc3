import { type ServerResponse, STATUS_CODES } from 'node:http';
import { DEFAULT_MODULE_NAME } from '../config/registration.js';
import { LimitedLog } from '../diagnostics/limited-log.js';
import { moduleLogger } from '../module-logger.js';
import { waitFor } from '../waiting/time-box.js';
import { type Answer, Refusal } from './answer.js';
import type { CallbackSettings } from './callback-settings.js';
import type { ClientMessageConsumer } from './client-message.js';
import { ClientMessageReceiver } from './client-message-receiver.js';
import { EventReceiver } from './event-receiver.js';
import type { Handlers } from './find-handlers.js';
import { type MaybeParsed, readBody } from './read-body.js';

/** What becomes of the JSON of requests. */
export interface Receiver {
  /** @throws Refusal */
  receive(body: unknown): Promise<Answer>;
}

/** Handlers that hang must not fill the memory. */
const MAX_WORKS = 10_000;
/** How long a shutdown waits for handlers, in milliseconds. */
const CLOSE_LIMIT_MS = 10_000;

/**
 * A module's two routes. They are served over Node's own HTTP, without the app's parsers, filters and interceptors.
 */
export class Callbacks {
  /** What serves the requests of each path that is set. */
  readonly routes = new Map<string, (request: MaybeParsed, response: ServerResponse) => void>();

  readonly #log: LimitedLog;
  readonly #events: EventReceiver;
  readonly #messages: ClientMessageReceiver;
  #state: 'starting' | 'open' | 'closing' = 'starting';
  readonly #works = new Set<Promise<unknown>>();
  readonly #unanswered = new Set<ServerResponse>();

  constructor(
    settings: CallbackSettings,
    private readonly closeLimitMs = CLOSE_LIMIT_MS,
  ) {
    this.#log = new LimitedLog(moduleLogger(settings.name ?? DEFAULT_MODULE_NAME));
    this.#events = new EventReceiver(settings, this.#log, (work) => this.#track(work));
    this.#messages = new ClientMessageReceiver(settings, this.#log);
    this.#add(settings.events.path, this.#events);
    this.#add(settings.clientMessages.path, this.#messages);
  }

  /** Takes requests from now on. */
  open({ events, messages }: Handlers, consumers: readonly ClientMessageConsumer[]): void {
    this.#events.handlers = events;
    this.#messages.handler = messages[0];
    this.#messages.consumers = consumers;
    this.#state = 'open';
  }

  /**
   * Refuses new requests, which the service sends again, and waits for handlers at work. Requests that still have no
   * answer then are refused too, so that the server can close.
   */
  async close(): Promise<void> {
    this.#state = 'closing';
    try {
      await waitFor(Promise.all(this.#works), this.closeLimitMs);
    } catch {
      this.#log.write(
        'warn',
        'closing',
        `Shutting down: handlers that did not end in time (${this.#works.size}).`,
      );
    }
    for (const response of this.#unanswered) this.#send(response, { status: 503 });
  }

  #add(path: string | undefined, receiver: Receiver): void {
    if (path === undefined) return;
    this.routes.set(path, (request, response) => void this.#serve(path, receiver, request, response));
  }

  /** Keeps count of work that a shutdown waits for. */
  #track(work: Promise<unknown>): void {
    this.#works.add(work);
    void work.finally(() => this.#works.delete(work));
  }

  /** Never rejects. */
  async #serve(
    path: string,
    receiver: Receiver,
    request: MaybeParsed,
    response: ServerResponse,
  ): Promise<void> {
    this.#unanswered.add(response);
    const work = this.#answerOf(path, receiver, request);
    this.#track(work);
    this.#send(response, await work);
  }

  async #answerOf(path: string, receiver: Receiver, request: MaybeParsed): Promise<Answer> {
    try {
      if (this.#state !== 'open') return { status: 503 };
      if (this.#works.size >= MAX_WORKS)
        throw new Refusal(503, `${MAX_WORKS} others are still being handled`);
      return await receiver.receive(await readBody(request));
    } catch (error) {
      const { status, reason } = error instanceof Refusal ? error : new Refusal(400, 'it could not be read');
      this.#log.write(
        'warn',
        `${path} ${reason}`,
        `POST ${path}: a request was refused with ${status}: ${reason}.`,
      );
      return { status };
    }
  }

  #send(response: ServerResponse, { status, body }: Answer): void {
    if (!this.#unanswered.delete(response) || response.destroyed || response.headersSent) return;
    const isText = typeof body === 'string';
    const content = body ?? JSON.stringify({ statusCode: status, message: STATUS_CODES[status] });
    response.writeHead(status, {
      'Content-Type':
        body === undefined
          ? 'application/json'
          : isText
            ? 'text/plain; charset=utf-8'
            : 'application/octet-stream',
      'Content-Length': Buffer.byteLength(content),
      'X-Content-Type-Options': 'nosniff',
    });
    response.end(content);
  }
}
