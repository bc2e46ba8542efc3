import { STATUS_CODES } from 'node:http';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import { DEFAULT_MODULE_NAME } from '../config/registration.js';
import { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { moduleLogger } from '../module-logger.js';
import { waitFor } from '../waiting/time-box.js';
import { type Answer, BodyReader, type CallbackRequest, Refusal } from './callback-request.js';
import type { CallbackSettings } from './callback-settings.js';
import type { ClientMessageConsumer } from './client-message.js';
import { ClientMessageReceiver } from './client-message-receiver.js';
import { EventReceiver } from './event-receiver.js';
import type { Handler } from './find-handlers.js';
import type { Serve } from './mount-routes.js';

/** What becomes of the requests of a route. It throws a {@link Refusal} of what is wrong. */
type Receive = EventReceiver['receive'];

/** How long a shutdown waits for handlers, in milliseconds. */
const CLOSE_LIMIT_MS = 10_000;

/**
 * A module's routes. They are served over Node's own HTTP, without the app's parsers, filters and interceptors.
 */
export class Callbacks implements OnModuleInit, OnModuleDestroy {
  /** What serves the requests of each path. */
  readonly routes = new Map<string, Serve>();

  readonly #log: LimitedLog;
  readonly #handlers: Handler[] = [];
  readonly #bodies = new BodyReader();
  readonly #running = new Set<Promise<unknown>>();
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
      const receiver = new EventReceiver(appId, events, this.#handlers, log);
      this.#add(events.path, (fields) => receiver.receive(fields));
    }
    if (clientMessages) {
      const receiver = new ClientMessageReceiver(settings, this.#handlers, consumers);
      this.#add(clientMessages.path, (fields) => receiver.receive(fields));
    }
  }

  /** Takes requests from now on. */
  async onModuleInit(): Promise<void> {
    const handlers = await this.findHandlers();
    // A call may outlast the request that it was made for.
    const tracked = handlers.map((one) => ({ ...one, run: (given: unknown) => this.#track(one.run(given)) }));
    this.#handlers.push(...tracked);
    this.#isOpen = true;
  }

  /**
   * Refuses new requests, which the service sends again, and waits for handlers at work. What these work with is not
   * destroyed yet: the module is the app's first to be.
   */
  async onModuleDestroy(): Promise<void> {
    this.#isOpen = false;
    await waitFor(this.#idle(), CLOSE_LIMIT_MS).catch(() =>
      this.#log.write('warn', 'closing', 'Shutting down: some handlers did not end in time.'),
    );
  }

  /** Work may start more of it. */
  async #idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Keeps work that a shutdown waits for. */
  #track<T>(work: Promise<T>): Promise<T> {
    const end: Promise<unknown> = work.catch(() => undefined).finally(() => this.#running.delete(end));
    this.#running.add(end);
    return work;
  }

  #add(path: string, receive: Receive): void {
    this.routes.set(path, (request, response) => {
      // Also what an app's own code throws while the answer is written, whatever that is.
      this.#serve(path, receive, request, response).catch(() => {
        this.#log.write('error', path, `POST ${path}: failed to answer.`);
        response.destroy();
      });
    });
  }

  async #serve(path: string, receive: Receive, ...[request, response]: Parameters<Serve>): Promise<void> {
    const { status, body } = await this.#answerTo(path, receive, request);
    if (response.headersSent) {
      this.#log.write('warn', `${path} late`, `POST ${path}: was answered by something else first.`);
      return;
    }
    const content = body ?? STATUS_CODES[status] ?? '';
    const isText = typeof content === 'string';
    response.setHeader('Content-Type', isText ? 'text/plain; charset=utf-8' : 'application/octet-stream');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.writeHead(status, { 'Content-Length': Buffer.byteLength(content) }).end(content);
  }

  async #answerTo(path: string, receive: Receive, request: CallbackRequest): Promise<Answer> {
    try {
      const fields = await this.#bodies.read(request);
      if (!this.#isOpen) return { status: 503 };
      return await this.#track(receive(fields));
    } catch (error) {
      const { status, message } = error instanceof Refusal ? error : new Refusal(500, describeThrown(error));
      const level = status === 500 ? 'error' : 'warn';
      this.#log.write(level, `${path} ${message}`, `POST ${path}: refused with ${status}: ${message}`);
      return { status };
    }
  }
}
