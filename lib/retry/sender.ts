import type { Attempt } from '../errors/attempt.js';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import type { CredentialsStatus } from '../credentials/credentials-status.js';
import type { ApiRequest } from '../openapi/api-request.js';
import type { RtcAxiosRef } from '../openapi/http-client.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { Cancellation } from '../openapi/cancellation.js';
import type { QuotaUsage } from '../quota/quota-usage.js';
import type { Observe, RtcCallInfo, RtcFanOutInfo, RtcOutcomeEvent } from '../diagnostics/rtc-event.js';
import { AbortListeners } from './abort-listeners.js';
import { isPossibleDuplicate, outcomeOfAttempts } from './call-outcome.js';
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

/** What events tell of a call. */
type CallSubject = Pick<RtcCallInfo, 'action' | 'method' | 'recipients' | 'fanOut'>;

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
  readonly #inFlight = new Map<CallControl, Promise<AcceptedCall>>();
  readonly #callers = new AbortListeners();
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
    // It may throw instead of rejecting.
    void (async () => this.#context.credentials.get())().catch(() => undefined);
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
    body: Readonly<Record<string, unknown>>,
    limits: CallLimits,
    { signal, stop, fanOut }: SendSignals = NO_SIGNALS,
  ): Promise<AcceptedCall> {
    const recipients = countRecipients(body);
    const { apiVersion: version } = this.#context;
    const about = {
      action,
      ...(recipients !== undefined && { recipients }),
      ...(fanOut !== undefined && { fanOut }),
    };
    const request = (): ApiRequest => ({
      action,
      version,
      method: 'POST',
      query: [],
      body: Buffer.from(JSON.stringify(body)),
    });
    return this.#track(this.#context, about, request, limits, { signal, stop });
  }

  /** Calls another action, held to a limit of its own. Otherwise as {@link send}. */
  request(
    request: ApiRequest,
    requestsPerSecond: number,
    limits: CallLimits,
    signal: AbortSignal | undefined,
  ): Promise<AcceptedCall> {
    const { action, method } = request;
    const { anyAction, limiters } = this.#context;
    const context = {
      ...this.#context,
      ...anyAction,
      limiters: limiters.forAction(action, requestsPerSecond),
    };
    return this.#track(context, { action, method }, () => request, limits, { signal, stop: undefined });
  }

  /** Runs a call that is known to be under way. */
  async #track(
    context: SendContext,
    about: CallSubject,
    request: () => ApiRequest,
    limits: CallLimits,
    { signal, stop }: Pick<SendSignals, 'signal' | 'stop'>,
  ): Promise<AcceptedCall> {
    const call: CallControl = { abort: new Cancellation(), stop: new Cancellation() };
    const stopListening = [
      signal && this.#callers.add(signal, () => abort(call)),
      stop && this.#callers.add(stop, () => call.stop.cancel()),
    ];
    const sending = this.#run(context, about, request, limits, call);
    this.#inFlight.set(call, sending);
    try {
      return await sending;
    } finally {
      this.#inFlight.delete(call);
      for (const stopOne of stopListening) stopOne?.();
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
    for (const call of this.#inFlight.keys()) abort(call, SHUTDOWN);
  }

  async #run(
    context: SendContext,
    about: CallSubject,
    request: () => ApiRequest,
    limits: CallLimits,
    control: CallControl,
  ): Promise<AcceptedCall> {
    const started = performance.now();
    this.#calls += 1;
    const { action } = about;
    const info: RtcCallInfo = {
      module: context.module,
      id: this.#calls,
      startedAt: new Date().toISOString(),
      ...about,
    };
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
      if (control.stop.isCancelled) throw notSent(`${action} was aborted before anything was sent.`);
      if (this.#refusing.signal.aborted) {
        throw notSent(`${action} was refused: the app is shutting down. Nothing was sent.`);
      }
      const call = new SendCall(context, info, request(), limits, control, attempts);
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

function abort(call: CallControl, reason?: string): void {
  call.abort.cancel(reason);
  call.stop.cancel(reason);
}

/** Of one user or of several; a room has no one in particular. */
function countRecipients({ To }: Readonly<Record<string, unknown>>): number | undefined {
  if (Array.isArray(To)) return To.length;
  return To === undefined ? undefined : 1;
}

function notSent(message: string): RtcAbortedError {
  return new RtcAbortedError(message, { outcome: 'not_attempted' });
}
