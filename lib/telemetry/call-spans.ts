import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Attributes, Span, Tracer, TracerProvider } from '@opentelemetry/api';
import type {
  RtcAttemptEvent,
  RtcCallInfo,
  RtcFanOutInfo,
  RtcFanOutOutcomeEvent,
  RtcEvent,
  RtcOutcomeEvent,
} from '../diagnostics/rtc-event.js';
import type { Attempt } from '../errors/attempt.js';
import { isRtcActionName, RTC_ACTIONS } from '../openapi/rtc-action.js';
import { ATTRIBUTE, type ErrorTypes, SCOPE } from './attributes.js';

/** A span for each fan-out, each call and each attempt. */
export class CallSpans {
  #provider: TracerProvider | undefined;
  #tracer: Tracer | undefined;
  /** The API's own provider, in use while there is no SDK. */
  readonly #noProvider: TracerProvider;
  // Weak: if a call's end were never emitted, its span would still be collected with the call.
  readonly #calls = new WeakMap<RtcCallInfo, Span>();
  readonly #fanOuts = new WeakMap<RtcFanOutInfo, Span>();

  constructor(
    private readonly api: typeof OpenTelemetryApi,
    private readonly client: Attributes,
    private readonly errorTypes: ErrorTypes,
  ) {
    this.#noProvider = new api.ProxyTracerProvider().getDelegate();
  }

  onEvent(event: RtcEvent): void {
    switch (event.type) {
      case 'begin':
        this.#begin(event.call);
        break;
      case 'attempt':
        this.#attempt(event);
        break;
      case 'wait':
        this.#recording(event.call)?.addEvent('wait', {
          [ATTRIBUTE.reason]: event.reason,
          [ATTRIBUTE.delay]: event.delayMs / 1_000,
        });
        break;
      case 'retry':
        this.#recording(event.call)?.addEvent('retry', { [ATTRIBUTE.reason]: event.reason });
        break;
      case 'outcome':
        this.#outcome(event);
        break;
      case 'fan_out_begin':
        if (!event.fanOut.durable) this.#beginFanOut(event.fanOut);
        break;
      case 'fan_out_outcome':
        this.#fanOutOutcome(event);
        break;
    }
  }

  within<T>(call: RtcCallInfo, work: () => T): T {
    const span = this.#calls.get(call);
    return span === undefined ? work() : this.api.context.with(this.#below(span), work);
  }

  #begin(call: RtcCallInfo): void {
    const tracer = this.#current();
    if (tracer === undefined) return;
    const { api, client } = this;
    const { action, recipients, fanOut } = call;
    const parent = fanOut && this.#fanOuts.get(fanOut);
    const span = tracer.startSpan(
      action,
      {
        kind: api.SpanKind.CLIENT,
        startTime: new Date(call.startedAt),
        attributes: {
          ...client,
          [ATTRIBUTE.operationName]: action,
          ...(isRtcActionName(action) && { [ATTRIBUTE.operationType]: 'send' }),
          ...(isRtcActionName(action) &&
            RTC_ACTIONS[action].to === 'list' && { [ATTRIBUTE.batchSize]: recipients }),
          // The fan-out's span is made at its end, possibly by another process.
          ...(fanOut?.durable && { [ATTRIBUTE.fanOutId]: fanOut.id }),
        },
      },
      parent === undefined ? api.context.active() : this.#below(parent),
    );
    this.#calls.set(call, span);
  }

  /** Made after the attempt, when its outcome is known. */
  #attempt({ call, number, attempt }: RtcAttemptEvent): void {
    const tracer = this.#current();
    const parent = this.#recording(call);
    if (tracer === undefined || parent === undefined) return;
    const { outcome, phase, httpStatus, requestId, throttled, failure } = attempt;
    const span = tracer.startSpan(
      `${call.action} attempt`,
      {
        kind: this.api.SpanKind.CLIENT,
        startTime: new Date(attempt.startedAt),
        attributes: {
          ...this.client,
          [ATTRIBUTE.operationName]: call.action,
          [ATTRIBUTE.method]: call.method ?? 'POST',
          [ATTRIBUTE.outcome]: outcome,
          [ATTRIBUTE.phase]: phase,
          ...(number > 1 && { [ATTRIBUTE.resendCount]: number - 1 }),
          ...(httpStatus !== undefined && { [ATTRIBUTE.httpStatus]: httpStatus }),
          ...(requestId !== undefined && { [ATTRIBUTE.requestId]: requestId }),
          ...(throttled && { [ATTRIBUTE.throttled]: true }),
        },
      },
      this.#below(parent),
    );
    if (outcome !== 'accepted') this.#fail(span, failure);
    span.end(new Date(endOf(attempt)));
  }

  #outcome({ call, outcome, attempts, possibleDuplicate, ...event }: RtcOutcomeEvent): void {
    const span = this.#calls.get(call);
    this.#calls.delete(call);
    if (span === undefined) return;
    span.setAttributes({
      [ATTRIBUTE.outcome]: outcome,
      [ATTRIBUTE.attempts]: attempts.length,
      ...(possibleDuplicate && { [ATTRIBUTE.possibleDuplicate]: true }),
    });
    if (outcome !== 'accepted') this.#fail(span, event.apiCode ?? event.code);
    // Times are rounded separately. An attempt must not seem to end after its call.
    const end = Math.max(Date.parse(call.startedAt) + event.durationMs, ...attempts.map(endOf));
    span.end(new Date(end));
  }

  #beginFanOut(fanOut: RtcFanOutInfo): void {
    const span = this.#current()?.startSpan('fanOut', {
      startTime: new Date(fanOut.startedAt),
      attributes: {
        ...this.client,
        [ATTRIBUTE.operationName]: 'fanOut',
        [ATTRIBUTE.fanOutId]: fanOut.id,
      },
    });
    if (span !== undefined) this.#fanOuts.set(fanOut, span);
  }

  #fanOutOutcome({
    fanOut,
    status,
    counts,
    stop,
    requests,
    throttled,
    durationMs,
  }: RtcFanOutOutcomeEvent): void {
    // A durable fan-out may have begun in another process.
    if (fanOut.durable) this.#beginFanOut(fanOut);
    const span = this.#fanOuts.get(fanOut);
    this.#fanOuts.delete(fanOut);
    if (span === undefined) return;
    span.setAttributes({
      [ATTRIBUTE.fanOutStatus]: status,
      [ATTRIBUTE.fanOutRequests]: requests,
      [ATTRIBUTE.fanOutThrottled]: throttled,
    });
    for (const [name, count] of Object.entries(counts)) {
      const recipients = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      span.setAttribute(`${ATTRIBUTE.fanOutRecipients}.${recipients}`, count);
    }
    if (status !== 'accepted') this.#fail(span, stop ?? status);
    // The fan-out's calls have ended before it, but their times are rounded separately.
    const end = Date.parse(fanOut.startedAt) + durationMs;
    span.end(new Date(fanOut.durable ? end : Math.max(end, Date.now())));
  }

  #fail(span: Span, code: string | undefined): void {
    const type = this.errorTypes.of(code);
    span.setAttribute(ATTRIBUTE.errorType, type);
    span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: type });
  }

  /** The span of a call, if it is recorded. */
  #recording(call: RtcCallInfo): Span | undefined {
    const span = this.#calls.get(call);
    return span?.isRecording() ? span : undefined;
  }

  /** The current tracer. Undefined without an SDK, which may be installed at any time. */
  #current(): Tracer | undefined {
    const given = this.api.trace.getTracerProvider();
    const provider = given instanceof this.api.ProxyTracerProvider ? given.getDelegate() : given;
    if (provider !== this.#provider) {
      this.#provider = provider;
      this.#tracer = provider === this.#noProvider ? undefined : provider.getTracer(SCOPE);
    }
    return this.#tracer;
  }

  #below(span: Span): OpenTelemetryApi.Context {
    return this.api.trace.setSpan(this.api.context.active(), span);
  }
}

function endOf({ startedAt, durationMs }: Attempt): number {
  return Date.parse(startedAt) + durationMs;
}
