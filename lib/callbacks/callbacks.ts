import { STATUS_CODES } from 'node:http';
import { HttpException, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DEFAULT_MODULE_NAME } from '../config/registration.js';
import { LimitedLog } from '../diagnostics/limited-log.js';
import { describeThrown } from '../errors/thrown.js';
import { moduleLogger } from '../module-logger.js';
import { waitFor } from '../waiting/time-box.js';
import type { Receipts } from '../receipts/receipt.service.js';
import { type CallbackRequest, type Fields, readFields, refuse } from './callback-request.js';
import type { CallbackSettings } from './callback-settings.js';
import { ClientMessageReceiver } from './client-message-receiver.js';
import { EventReceiver } from './event-receiver.js';
import type { Handler } from './find-handlers.js';
import type { Serve } from './mount-routes.js';

/** Takes what requests of a route say. */
interface Receiver {
  /**
   * Resolves with the answer's body. Default: `OK`.
   * @throws HttpException of what is wrong
   */
  receive(fields: Fields): Promise<string | Uint8Array | void>;
}

type Answer = readonly [status: number, body?: string | Uint8Array | void];

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
  readonly #running = new Set<Promise<unknown>>();
  #isOpen = false;

  /** @param findHandlers is called when all providers are made */
  constructor(
    settings: CallbackSettings,
    private readonly findHandlers: () => Promise<readonly Handler[]>,
    receipts: Receipts,
  ) {
    const { appId, events, clientMessages, name = DEFAULT_MODULE_NAME } = settings;
    this.#log = new LimitedLog(moduleLogger(name));
    if (events) this.#add(events.path, new EventReceiver(appId, events, this.#handlers, this.#log));
    const messages = new ClientMessageReceiver(settings, this.#handlers, receipts);
    if (clientMessages) this.#add(clientMessages.path, messages);
  }

  /** Takes requests from now on. */
  async onModuleInit(): Promise<void> {
    for (const handler of await this.findHandlers()) {
      // A call may outlast the request that it was made for.
      this.#handlers.push({ ...handler, run: (given) => this.#track(handler.run(given)) });
    }
    this.#isOpen = true;
  }

  /**
   * Refuses new requests, which the service sends again, and waits for handlers at work. What these work with is not
   * destroyed yet: the module is the app's first to be.
   */
  async onModuleDestroy(): Promise<void> {
    this.#isOpen = false;
    const idle = async (): Promise<void> => {
      // Work may start more of it.
      while (this.#running.size > 0) await Promise.allSettled(this.#running);
    };
    await waitFor(idle, CLOSE_LIMIT_MS).catch(() =>
      this.#log.write('warn', 'closing', 'Shutting down: some handlers did not end in time.'),
    );
  }

  /** Keeps work that a shutdown waits for. */
  #track<T>(work: Promise<T>): Promise<T> {
    const end = (): void => void this.#running.delete(work);
    this.#running.add(work);
    work.then(end, end);
    return work;
  }

  #add(path: string, receiver: Receiver): void {
    this.routes.set(path, async (request, response) => {
      const [status, given] = await this.#answerTo(path, receiver, request);
      const body = given ?? STATUS_CODES[status] ?? '';
      const type = typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/octet-stream';
      const isEarly = !request.complete && !request.destroyed;
      const headers = {
        'Content-Type': type,
        'X-Content-Type-Options': 'nosniff',
        'Content-Length': Buffer.byteLength(body),
        // Node would not take the connection for idle afterwards, which would hold up a shutdown.
        ...(isEarly && { Connection: 'close' }),
      };
      try {
        response.writeHead(status, headers);
        if (isEarly) {
          response.write(body);
          // Its end closes the connection. What is still being sent before that would cut off the answer.
          request.once('close', () => response.end());
        } else response.end(body);
      } catch {
        // Something else has answered, or an app's own code throws while the answer is written.
        this.#log.write('error', path, `POST ${path}: failed to answer.`);
        response.destroy();
      }
    });
  }

  async #answerTo(path: string, receiver: Receiver, request: CallbackRequest): Promise<Answer> {
    try {
      const fields = await readFields(request);
      if (!this.#isOpen) refuse(503, 'the app is starting or closing');
      return [200, await this.#track(receiver.receive(fields))];
    } catch (error) {
      const isOurs = error instanceof HttpException;
      const [status, reason] = isOurs ? [error.getStatus(), error.message] : [500, describeThrown(error)];
      const line = `POST ${path}: refused with ${status}: ${reason}`;
      this.#log.write(status === 500 ? 'error' : 'warn', `${path} ${reason}`, line);
      return [status];
    }
  }
}
