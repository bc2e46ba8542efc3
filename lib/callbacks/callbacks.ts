import { type ServerResponse, STATUS_CODES } from 'node:http';
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

/** What becomes of the requests of a route. It throws a {@link Refusal} of what is wrong. */
type Receiver = Pick<EventReceiver, 'receive'>;

/** How long a shutdown waits for handlers, in milliseconds. */
const CLOSE_LIMIT_MS = 10_000;

/**
 * A module's routes. They are served over Node's own HTTP, without the app's parsers, filters and interceptors.
 */
export class Callbacks implements OnModuleInit, OnModuleDestroy {
  /** What serves the requests of each path. */
  readonly routes = new Map<string, (request: CallbackRequest, response: ServerResponse) => void>();

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
      this.#add(events.path, new EventReceiver(appId, events, this.#handlers, log, this.#track));
    }
    if (clientMessages) {
      this.#add(clientMessages.path, new ClientMessageReceiver(settings, this.#handlers, consumers));
    }
  }

  /** Takes requests from now on. */
  async onModuleInit(): Promise<void> {
    this.#handlers.push(...(await this.findHandlers()));
    this.#isOpen = true;
  }

  /**
   * Refuses new requests, which the service sends again, and waits for handlers at work. What these work with is not
   * destroyed yet: the module is the app's first to be.
   */
  async onModuleDestroy(): Promise<void> {
    this.#isOpen = false;
    this.#bodies.close();
    await waitFor(Promise.all(this.#running), CLOSE_LIMIT_MS).catch(() =>
      this.#log.write('warn', 'closing', 'Shutting down: some handlers did not end in time.'),
    );
  }

  /** Keeps work that a shutdown waits for. */
  readonly #track = (work: Promise<unknown>): void => {
    const end: Promise<unknown> = work.catch(() => undefined).finally(() => this.#running.delete(end));
    this.#running.add(end);
  };

  #add(path: string, receiver: Receiver): void {
    this.routes.set(path, (request, response) => void this.#serve(path, receiver, request, response));
  }

  /** Never rejects. */
  async #serve(
    path: string,
    receiver: Receiver,
    request: CallbackRequest,
    response: ServerResponse,
  ): Promise<void> {
    const { status, body } = await this.#answerTo(path, receiver, request);
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

  /** Never rejects. */
  async #answerTo(path: string, receiver: Receiver, request: CallbackRequest): Promise<Answer> {
    try {
      const fields = await this.#bodies.read(request);
      if (!this.#isOpen) return { status: 503 };
      const work = receiver.receive(fields);
      this.#track(work);
      return await work;
    } catch (error) {
      const { status, message } = error instanceof Refusal ? error : new Refusal(500, describeThrown(error));
      const level = status === 500 ? 'error' : 'warn';
      this.#log.write(level, `${path} ${message}`, `POST ${path}: refused with ${status}: ${message}`);
      return { status };
    }
  }
}
