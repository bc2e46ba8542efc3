import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { TimeBox } from '../openapi/time-box.js';
import type { RtcCallInfo } from '../diagnostics/rtc-event.js';
import { AbortListeners } from './abort-listeners.js';
import { isPossibleDuplicate } from './call-outcome.js';
import { type CallLimits, SendCall, type SendContext, SHUTDOWN } from './send-call.js';

/** An accepted call. */
export interface AcceptedCall {
  /** The vendor's, of the request that was accepted. */
  readonly requestId: string;
  readonly attempts: readonly Attempt[];
  readonly possibleDuplicate: boolean;
}

/**
 * Calls actions, with the retries that can't send a message twice (or that the caller allows to), and knows
 * which calls are under way.
 */
export class Sender {
  // Private to the language: whoever prints a service must not print the requests of its sockets.
  readonly #context: SendContext;
  readonly #shutdownTimeoutMs: number;
  readonly #inFlight = new Map<AbortController, Promise<AcceptedCall>>();
  readonly #callers = new AbortListeners();
  #calls = 0;
  #closing = false;

  constructor(context: SendContext, shutdownTimeoutMs: number) {
    this.#context = context;
    this.#shutdownTimeoutMs = shutdownTimeoutMs;
  }

  /** @throws RtcMessagingError for everything but an acceptance */
  async send(
    action: RtcActionName,
    body: Readonly<Record<string, unknown>>,
    limits: CallLimits,
    signal?: AbortSignal,
  ): Promise<AcceptedCall> {
    if (signal?.aborted) throw notSent(`${action} was aborted before anything was sent.`);
    if (this.#closing) {
      throw notSent(`${action} was refused: the app is shutting down. Nothing was sent.`);
    }
    const controller = new AbortController();
    const stopListening = signal && this.#callers.add(signal, () => controller.abort());
    const sending = this.#run(action, Buffer.from(JSON.stringify(body)), limits, controller.signal);
    this.#inFlight.set(controller, sending);
    try {
      return await sending;
    } finally {
      this.#inFlight.delete(controller);
      stopListening?.();
    }
  }

  /** Refuses new calls, lets those under way end within the limit, breaks off the rest, closes the sockets. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    const { observe, client } = this.#context;
    observe({ type: 'shutdown', status: 'started', inFlight: this.#inFlight.size });
    const ended = Promise.allSettled(this.#inFlight.values());
    const box = new TimeBox(this.#shutdownTimeoutMs);
    try {
      await box.guard(ended);
    } catch {
      observe({ type: 'shutdown', status: 'timed_out', inFlight: this.#inFlight.size });
      for (const controller of this.#inFlight.keys()) controller.abort(SHUTDOWN);
      await ended;
    } finally {
      box.dispose();
      client.close();
    }
  }

  async #run(
    action: RtcActionName,
    body: Buffer,
    limits: CallLimits,
    signal: AbortSignal,
  ): Promise<AcceptedCall> {
    const started = performance.now();
    this.#calls += 1;
    const info: RtcCallInfo = { id: this.#calls, action, startedAt: new Date().toISOString() };
    const call = new SendCall(this.#context, info, body, limits, signal);
    const { attempts } = call;
    const end = (error?: RtcMessagingError): void =>
      this.#context.observe({
        type: 'outcome',
        call: info,
        outcome: error?.outcome ?? 'accepted',
        attempts,
        possibleDuplicate: isPossibleDuplicate(attempts),
        durationMs: Math.round(performance.now() - started),
        ...(error !== undefined && { code: error.code }),
        ...(error instanceof RtcApiError && { apiCode: error.apiCode }),
      });
    try {
      const requestId = await call.run();
      end();
      return { requestId, attempts, possibleDuplicate: isPossibleDuplicate(attempts) };
    } catch (error) {
      if (error instanceof RtcMessagingError) end(error);
      throw error;
    }
  }
}

function notSent(message: string): RtcAbortedError {
  return new RtcAbortedError(message, { outcome: 'not_attempted' });
}
