import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { BeforeApplicationShutdown, OnModuleInit } from '@nestjs/common';
import { DEFAULT_MODULE_NAME } from '../config/registration.js';
import { LimitedLog } from '../diagnostics/limited-log.js';
import { kindOfThrown } from '../errors/thrown.js';
import { moduleLogger } from '../module-logger.js';
import { Cancellation } from '../waiting/cancellation.js';
import { waitFor } from '../waiting/time-box.js';
import { type Answer, type CallbackRequest, readFields, Refusal } from './callback-request.js';
import type { CallbackSettings } from './callback-settings.js';
import type { ClientMessageConsumer } from './client-message.js';
import { ClientMessageReceiver } from './client-message-receiver.js';
import { EventReceiver } from './event-receiver.js';
import type { Handler } from './find-handlers.js';

/** What becomes of the requests of a route. It throws a {@link Refusal} of what is wrong. */
type Receiver = Pick<EventReceiver, 'receive'>;

/** Handlers that hang must not fill the memory. */
const MAX_RUNNING = 10_000;
/** How long a request waits for handlers, in milliseconds. The service gives up after five seconds. */
const ANSWER_LIMIT_MS = 60_000;
/** How long a shutdown waits for handlers, in milliseconds. */
const CLOSE_LIMIT_MS = 10_000;

/**
 * A module's routes. They are served over Node's own HTTP, without the app's parsers, filters and interceptors.
 */
export class Callbacks implements OnModuleInit, BeforeApplicationShutdown {
  /** What serves the requests of each path. */
  readonly routes = new Map<string, (request: CallbackRequest, response: ServerResponse) => void>();

  readonly #log: LimitedLog;
  readonly #handlers: Handler[] = [];
  readonly #running = new Set<Promise<unknown>>();
  readonly #closed = new Cancellation();
  #isOpen = false;

  /** @param findHandlers is called when all providers are made */
  constructor(
    settings: CallbackSettings,
    consumers: readonly ClientMessageConsumer[],
    private readonly findHandlers: () => Promise<readonly Handler[]>,
  ) {
    const { appId, events, clientMessages, name = DEFAULT_MODULE_NAME } = settings;
    const log = new LimitedLog(moduleLogger(name));
    this.#log = log;
    if (events) {
      this.#add(events.path, new EventReceiver(appId, events, this.#handlers, log, this.#track));
    }
    if (clientMessages) {
      this.#add(clientMessages.path, new ClientMessageReceiver(settings, this.#handlers, consumers, log));
    }
  }

  /** Takes requests from now on. */
  async onModuleInit(): Promise<void> {
    this.#handlers.push(...(await this.findHandlers()));
    this.#isOpen = true;
  }

  /**
   * Refuses new requests, which the service sends again, and waits for handlers at work. Then it refuses the requests
   * that still wait for theirs, so that the server can close. What handlers work with is not destroyed yet.
   */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isOpen = false;
    await waitFor(Promise.all(this.#running), CLOSE_LIMIT_MS).catch(() =>
      this.#log.write('warn', 'closing', 'Shutting down: some handlers did not end in time.'),
    );
    this.#closed.cancel();
  }

  /** Keeps work that a shutdown waits for. It never rejects. */
  readonly #track = (work: Promise<unknown>): void => {
    this.#running.add(work);
    void work.then(() => this.#running.delete(work));
  };

  #add(path: string, receiver: Receiver): void {
    this.routes.set(path, (request, response) => void this.#serve(path, receiver, request, response));
  }

  async #serve(
    path: string,
    receiver: Receiver,
    request: CallbackRequest,
    response: ServerResponse,
  ): Promise<void> {
    const work = this.#answerTo(path, receiver, request);
    this.#track(work);
    const waiting = waitFor(work, ANSWER_LIMIT_MS, this.#closed);
    const { status, body }: Answer = await waiting.catch(() => ({ status: 503 }));
    const content = body ?? STATUS_CODES[status] ?? '';
    const isText = typeof content === 'string';
    response.setHeader('Content-Type', isText ? 'text/plain; charset=utf-8' : 'application/octet-stream');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.writeHead(status, { 'Content-Length': Buffer.byteLength(content) }).end(content);
  }

  /** Never rejects. */
  async #answerTo(path: string, receiver: Receiver, request: CallbackRequest): Promise<Answer> {
    try {
      if (!this.#isOpen) return { status: 503 };
      if (this.#running.size > MAX_RUNNING) throw new Refusal(503, 'too many others are being handled');
      return await receiver.receive(await readFields(request));
    } catch (error) {
      const { status, message } =
        error instanceof Refusal ? error : new Refusal(400, `it broke off (${kindOfThrown(error)})`);
      this.#log.write('warn', `${path} ${message}`, `POST ${path}: refused with ${status}: ${message}.`);
      return { status };
    }
  }
}
