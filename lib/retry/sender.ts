import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import type { CredentialsStatus } from '../credentials/credentials-source.js';
import type { ApiRequest } from '../openapi/api-request.js';
import type { RequestBody } from '../openapi/request-body.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import type { Emit } from '../diagnostics/channels.js';
import type { RtcCallInfo, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import { Cancellation, onAbort } from '../waiting/cancellation.js';
import { isPossibleDuplicate, outcomeOfAttempts } from './attempts.js';
import { SHUTDOWN } from './call-error.js';
import type { CallPlan } from './call-policy.js';
import { SendCall, type SendContext } from './send-call.js';

/** An accepted call. */
export interface AcceptedCall {
  /** The vendor's ID of the accepted request. */
  readonly requestId: string;
  readonly attempts: readonly Attempt[];
  readonly possibleDuplicate: boolean;
  /** The `Result` of the answer, of any form. */
  readonly result?: unknown;
}

/** State of a sender, for health checks. */
export interface SenderCondition {
  /** Whether the app closes: new calls are refused, or soon will be. */
  readonly closing: boolean;
  /** Calls in flight. */
  readonly inFlight: number;
  readonly quota: QuotaUsage;
  readonly credentials: CredentialsStatus;
}

/**
 * Sends requests with safe retries (and unsafe ones if the caller allows them), and knows which calls are in flight.
 */
export class Sender {
  // A private field: printing a service must not print the requests of its sockets.
  readonly #context: SendContext;
  readonly #shutdownTimeoutMs: number;
  /** Of each call in flight. */
  readonly #inFlight = new Set<Cancellation>();
  /** Called when the last call in flight has ended. */
  #onIdle: (() => void) | undefined;
  #calls = 0;
  /** Aborted when the app begins to close. */
  readonly #shutdownBegun = new AbortController();
  /** Aborted when new calls are refused. */
  readonly #refusing = new AbortController();
  #limit: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(context: SendContext, shutdownTimeoutMs: number) {
    this.#context = context;
    this.#shutdownTimeoutMs = shutdownTimeoutMs;
  }

  /**
   * For callers that make many calls, such as fan-outs. Aborted when the app begins to close. If asked after that:
   * aborted when new calls are refused.
   */
  get closing(): AbortSignal {
    return (this.#shutdownBegun.signal.aborted ? this.#refusing : this.#shutdownBegun).signal;
  }

  /** The module's name. */
  get module(): string {
    return this.#context.module;
  }

  get condition(): SenderCondition {
    const { limiters, credentials } = this.#context;
    return {
      closing: this.#shutdownBegun.signal.aborted,
      inFlight: this.#inFlight.size,
      quota: limiters.usage,
      credentials: credentials.status,
    };
  }

  /** Largest number of recipients in a chunk. Infinity unless the service was found to refuse larger requests. */
  get chunkSize(): number {
    return this.#context.limiters.limiter.chunkSize;
  }

  /** The concurrency of a fan-out, by the measured round trip. */
  get concurrency(): number {
    return this.#context.limiters.limiter.concurrency;
  }

  /** Asks the credentials provider in the background, as a call would, and no more often than calls may. */
  askForCredentials(): void {
    Promise.resolve(this.#context.credentials.get()).catch(() => undefined);
  }

  /** Emits events, also for fan-outs. */
  get emit(): Emit {
    return this.#context.emit;
  }

  /** @throws RtcMessagingError for everything but an acceptance */
  send(
    action: RtcActionName,
    { bytes: body, recipients }: RequestBody,
    plan: CallPlan,
  ): Promise<AcceptedCall> {
    const { apiVersion: version } = this.#context;
    const about = recipients === undefined ? {} : { recipients };
    return this.#call(this.#context, { action, version, method: 'POST', query: [], body }, plan, about);
  }

  /**
   * Calls another action under its own limit. Otherwise like {@link send}.
   * @param requestsPerSecond the limit; Infinity if nobody knows it
   */
  request(request: ApiRequest, requestsPerSecond: number, plan: CallPlan): Promise<AcceptedCall> {
    const { anyAction, limiters } = this.#context;
    const own = { ...anyAction, limiters: limiters.forAction(request.action, requestsPerSecond) };
    return this.#call({ ...this.#context, ...own }, request, plan, { method: request.method });
  }

  /**
   * Begins to close: fan-outs stop reading, and the time limit for calls in flight starts. New calls are served until
   * {@link refuseCalls}, since other parts of the app may still send while they close.
   */
  startClosing(): void {
    if (this.#shutdownBegun.signal.aborted) return;
    const { module, emit } = this.#context;
    emit({ type: 'shutdown', module, status: 'started', inFlight: this.#inFlight.size });
    this.#limit = setTimeout(() => this.#abortCalls(), this.#shutdownTimeoutMs);
    // If the app does not close after all, this timer must not keep the process alive.
    this.#limit.unref();
    this.#shutdownBegun.abort();
  }

  /** Refuses new calls. Calls in flight may go on until the time limit. */
  refuseCalls(): void {
    this.startClosing();
    this.#refusing.abort();
  }

  /** Refuses new calls, waits for calls in flight until the time limit, and closes the sockets. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.refuseCalls();
    this.#limit?.ref();
    if (this.#inFlight.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    clearTimeout(this.#limit);
    this.#context.client.close();
    this.#context.anyAction.client.close();
    this.#context.limiters.release();
  }

  #abortCalls(): void {
    this.refuseCalls();
    if (this.#inFlight.size === 0) return;
    const { module, emit } = this.#context;
    emit({ type: 'shutdown', module, status: 'timed_out', inFlight: this.#inFlight.size });
    for (const abort of this.#inFlight) abort.cancel(SHUTDOWN);
  }

  async #call(
    context: SendContext,
    request: ApiRequest,
    plan: CallPlan,
    about: Pick<RtcCallInfo, 'recipients' | 'method'>,
  ): Promise<AcceptedCall> {
    const started = performance.now();
    const { module, emit } = context;
    const { action } = request;
    const { signal, stop, fanOut } = plan;
    const abort = new Cancellation();
    const stopListening = signal && onAbort(signal, () => abort.cancel());
    this.#calls += 1;
    const startedAt = new Date().toISOString();
    const of = { module, id: this.#calls, action, startedAt, ...about };
    const info: RtcCallInfo = fanOut === undefined ? of : { ...of, fanOut };
    const attempts: Attempt[] = [];
    const end = (outcome: RtcOutcomeEvent['outcome'], error?: RtcMessagingError): void =>
      emit({
        type: 'outcome',
        call: info,
        outcome,
        attempts: [...attempts],
        possibleDuplicate: isPossibleDuplicate(attempts),
        durationMs: Math.round(performance.now() - started),
        ...(error !== undefined && { code: error.code }),
        ...(error instanceof RtcApiError && { apiCode: error.apiCode }),
        ...(error?.hint !== undefined && { hint: error.hint }),
      });
    this.#inFlight.add(abort);
    emit({ type: 'begin', call: info });
    try {
      const isAborted = abort.isCancelled || stop?.isCancelled;
      if (isAborted || this.#refusing.signal.aborted) {
        const why = isAborted
          ? 'aborted before anything was sent.'
          : 'refused: the app is shutting down. Nothing was sent.';
        throw new RtcAbortedError(`${action} was ${why}`, { outcome: 'not_attempted' });
      }
      const call = new SendCall(context, info, request, plan, abort, attempts);
      const { requestId, result } = await context.within(info, () => call.run());
      end('accepted');
      return { requestId, attempts, possibleDuplicate: isPossibleDuplicate(attempts), result };
    } catch (error) {
      // Any other error is a bug. The `outcome` event is emitted all the same.
      if (error instanceof RtcMessagingError) end(error.outcome, error);
      else end(outcomeOfAttempts(attempts));
      throw error;
    } finally {
      stopListening?.();
      this.#inFlight.delete(abort);
      if (this.#inFlight.size === 0) this.#onIdle?.();
    }
  }
}
