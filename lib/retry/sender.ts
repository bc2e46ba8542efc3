import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import type { CredentialsStatus } from '../credentials/credentials-source.js';
import type { ApiRequest } from '../openapi/api-request.js';
import type { RtcAxiosRef } from '../openapi/http-client.js';
import type { RequestBody } from '../openapi/request-body.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import type { Observe, RtcCallInfo, RtcFanOutInfo, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import { Cancellation, onAbort } from '../waiting/cancellation.js';
import { isPossibleDuplicate, outcomeOfAttempts } from './attempts.js';
import { type CallControl, type CallLimits, SendCall, type SendContext, SHUTDOWN } from './send-call.js';

/** An accepted call. */
export interface AcceptedCall {
  /** The vendor's, of the request that was accepted. */
  readonly requestId: string;
  readonly attempts: readonly Attempt[];
  readonly possibleDuplicate: boolean;
  /** What was answered: of any form. */
  readonly result?: unknown;
}

/** What a caller may end a call with, and what the call is part of. None is left out, so that none is inherited. */
export interface SendSignals {
  /** At any moment. */
  readonly signal: AbortSignal | undefined;
  /** While no attempt is under way; one that is may finish. */
  readonly stop: AbortSignal | undefined;
  readonly fanOut: RtcFanOutInfo | undefined;
}

/** An action's own limit. */
export interface ActionLimit {
  readonly requestsPerSecond: number;
  /** Whether no one has given it. */
  readonly isGuess: boolean;
}

/** What events tell of a call beside its action. */
type CallSubject = Pick<RtcCallInfo, 'method' | 'recipients' | 'fanOut'>;

export const NO_SIGNALS: SendSignals = { signal: undefined, stop: undefined, fanOut: undefined };

/** How a sender is doing. */
export interface SenderCondition {
  /** Whether the app closes, so that new calls are refused, or soon will be. */
  readonly closing: boolean;
  /** Calls that are under way. */
  readonly inFlight: number;
  readonly quota: QuotaUsage;
  readonly credentials: CredentialsStatus;
}

/**
 * Calls actions, with the retries that can't send a message twice (or that the caller allows to), and knows
 * which calls are under way.
 */
export class Sender {
  // Private to the language: whoever prints a service must not print the requests of its sockets.
  readonly #context: SendContext;
  readonly #shutdownTimeoutMs: number;
  readonly #inFlight = new Map<Cancellation, Promise<AcceptedCall>>();
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
   * For who makes many calls, and asks when beginning: aborted when the app begins to close, or, for what is begun
   * after that, when new calls are refused.
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

  /** How many recipients a chunk should have at most: Infinity unless the service was found to refuse so many. */
  get chunkSize(): number {
    return this.#context.limiters.chunkSize;
  }

  /** How many requests a fan-out is to have in flight, by what the round trip is. */
  get concurrency(): number {
    return this.#context.limiters.concurrency;
  }

  /** Has the provider asked in the background, as a call would, and no more often than calls may. */
  askForCredentials(): void {
    Promise.resolve(this.#context.credentials.get()).catch(() => undefined);
  }

  /** See `RtcOpenApiService.axiosRef`. */
  get axiosRef(): RtcAxiosRef {
    return this.#context.anyAction.axiosRef;
  }

  /** Where whoever sends by this sender tells of its own doings. */
  get observe(): Observe {
    return this.#context.observe;
  }

  /** @throws RtcMessagingError for everything but an acceptance */
  send(
    action: RtcActionName,
    { bytes: body, recipients }: RequestBody,
    limits: CallLimits,
    { signal, stop, fanOut }: SendSignals = NO_SIGNALS,
  ): Promise<AcceptedCall> {
    const { apiVersion: version } = this.#context;
    const about = {
      ...(recipients !== undefined && { recipients }),
      ...(fanOut !== undefined && { fanOut }),
    };
    const request: ApiRequest = { action, version, method: 'POST', query: [], body };
    return this.#track(this.#context, request, about, limits, signal, stop);
  }

  /** Calls another action, held to a limit of its own. Otherwise as {@link send}. */
  request(
    request: ApiRequest,
    { requestsPerSecond, isGuess }: ActionLimit,
    limits: CallLimits,
    signal: AbortSignal | undefined,
  ): Promise<AcceptedCall> {
    const { action, method } = request;
    const { anyAction, limiters } = this.#context;
    const context = {
      ...this.#context,
      ...anyAction,
      limiters: limiters.forAction(action, requestsPerSecond, isGuess),
    };
    return this.#track(context, request, { method }, limits, signal, undefined);
  }

  /** Runs a call that is known to be under way. */
  async #track(
    context: SendContext,
    request: ApiRequest,
    about: CallSubject,
    limits: CallLimits,
    signal: AbortSignal | undefined,
    stop: AbortSignal | undefined,
  ): Promise<AcceptedCall> {
    const abort = new Cancellation();
    const stopListening = signal && onAbort(signal, () => abort.cancel());
    const sending = this.#run(context, request, about, limits, { abort, stop });
    this.#inFlight.set(abort, sending);
    try {
      return await sending;
    } finally {
      this.#inFlight.delete(abort);
      stopListening?.();
    }
  }

  /**
   * The app begins to close: fan-outs read no further, and the time that all calls have starts to run. New ones are
   * served until they are refused, since what closes with the app may have something to say.
   */
  startClosing(): void {
    if (this.#shutdownBegun.signal.aborted) return;
    const { module, observe } = this.#context;
    observe({ type: 'shutdown', module, status: 'started', inFlight: this.#inFlight.size });
    this.#limit = setTimeout(() => this.#breakOff(), this.#shutdownTimeoutMs);
    // Were the app never to close after all, this would keep the process.
    this.#limit.unref();
    this.#shutdownBegun.abort();
  }

  /** Refuses new calls; those under way may go on to the limit. */
  refuseCalls(): void {
    this.startClosing();
    this.#refusing.abort();
  }

  /** Refuses new calls, waits until those under way have ended, at the limit at the latest, and closes the sockets. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.refuseCalls();
    this.#limit?.ref();
    await Promise.allSettled(this.#inFlight.values());
    clearTimeout(this.#limit);
    this.#context.client.close();
    this.#context.anyAction.client.close();
    this.#context.limiters.release();
  }

  #breakOff(): void {
    this.refuseCalls();
    if (this.#inFlight.size === 0) return;
    const { module, observe } = this.#context;
    observe({ type: 'shutdown', module, status: 'timed_out', inFlight: this.#inFlight.size });
    for (const abort of this.#inFlight.keys()) abort.cancel(SHUTDOWN);
  }

  async #run(
    context: SendContext,
    request: ApiRequest,
    about: CallSubject,
    limits: CallLimits,
    control: CallControl,
  ): Promise<AcceptedCall> {
    const started = performance.now();
    this.#calls += 1;
    const { action } = request;
    const startedAt = new Date().toISOString();
    const info: RtcCallInfo = { module: context.module, id: this.#calls, action, startedAt, ...about };
    const attempts: Attempt[] = [];
    const end = (outcome: RtcOutcomeEvent['outcome'], error?: RtcMessagingError): void =>
      this.#context.observe({
        type: 'outcome',
        call: info,
        outcome,
        attempts: [...attempts],
        possibleDuplicate: isPossibleDuplicate(attempts),
        durationMs: Math.round(performance.now() - started),
        ...(error !== undefined && { code: error.code }),
        ...(error instanceof RtcApiError && { apiCode: error.apiCode }),
      });
    this.#context.observe({ type: 'begin', call: info });
    try {
      if (control.abort.isCancelled || control.stop?.aborted)
        throw notSent(`${action} was aborted before anything was sent.`);
      if (this.#refusing.signal.aborted) {
        throw notSent(`${action} was refused: the app is shutting down. Nothing was sent.`);
      }
      const call = new SendCall(context, info, request, limits, control, attempts);
      const { requestId, result } = await context.within(info, () => call.run());
      end('accepted');
      return { requestId, attempts, possibleDuplicate: isPossibleDuplicate(attempts), result };
    } catch (error) {
      // Nothing else is thrown here; if it is, it is a bug, and those who were told of the call still learn its end.
      if (error instanceof RtcMessagingError) end(error.outcome, error);
      else end(outcomeOfAttempts(attempts));
      throw error;
    }
  }
}

function notSent(message: string): RtcAbortedError {
  return new RtcAbortedError(message, { outcome: 'not_attempted' });
}
