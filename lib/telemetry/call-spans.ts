import type * as OpenTelemetryApi from '@opentelemetry/api';
import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import type {
  RtcAttemptEvent,
  RtcCallInfo,
  RtcEvent,
  RtcFanOutInfo,
  RtcFanOutOutcomeEvent,
  RtcOutcomeEvent,
} from '../diagnostics/rtc-event.js';
import type { Attempt } from '../errors/attempt.js';
import { isRtcActionName, RTC_ACTIONS } from '../openapi/rtc-action.js';

/** A span for each fan-out, each call and each attempt. */
export class CallSpans {
  // Weak: if an end were never emitted, its span would still be collected with the call.
  readonly #open = new WeakMap<RtcCallInfo | RtcFanOutInfo, Span>();

  constructor(
    private readonly api: typeof OpenTelemetryApi,
    private readonly tracer: Tracer,
    private readonly client: Attributes,
    private readonly errorType: (code: string | undefined) => string,
  ) {}

  onEvent(event: RtcEvent): void {
    switch (event.type) {
      case 'begin':
        return this.#begin(event.call);
      case 'attempt':
        return this.#attempt(event);
      case 'wait':
      case 'retry': {
        const delay = event.type === 'wait' && { 'nestjs_rtc_messaging.delay': event.delayMs / 1_000 };
        const about = { 'nestjs_rtc_messaging.reason': event.reason, ...delay };
        return void this.#open.get(event.call)?.addEvent(event.type, about);
      }
      case 'outcome':
        return this.#outcome(event);
      case 'fan_out_begin':
        if (!event.fanOut.durable) this.#open.set(event.fanOut, this.#beginFanOut(event.fanOut));
        return;
      case 'fan_out_outcome':
        return this.#fanOutOutcome(event);
    }
  }

  within<T>(call: RtcCallInfo, work: () => T): T {
    const span = this.#open.get(call);
    return span === undefined ? work() : this.api.context.with(this.#below(span), work);
  }

  #begin(call: RtcCallInfo): void {
    const { action, recipients, fanOut } = call;
    const isMessage = isRtcActionName(action);
    const isBatch = isMessage && RTC_ACTIONS[action].to === 'list';
    const attributes = {
      'messaging.operation.name': action,
      ...(isMessage && { 'messaging.operation.type': 'send' }),
      ...(isBatch && { 'messaging.batch.message_count': recipients }),
      // The fan-out's span is made at its end, possibly by another process.
      ...(fanOut?.durable && { 'nestjs_rtc_messaging.fan_out.id': fanOut.id }),
    };
    const parent = fanOut && this.#open.get(fanOut);
    this.#open.set(call, this.#start(action, 'CLIENT', call.startedAt, attributes, parent));
  }

  /** Made after the attempt, when its outcome is known. */
  #attempt({ call, number, attempt }: RtcAttemptEvent): void {
    const parent = this.#open.get(call);
    if (!parent?.isRecording()) return;
    const { outcome, phase, httpStatus, requestId, throttled, failure } = attempt;
    const attributes = {
      'messaging.operation.name': call.action,
      'http.request.method': call.method ?? 'POST',
      'nestjs_rtc_messaging.outcome': outcome,
      'nestjs_rtc_messaging.phase': phase,
      ...(number > 1 && { 'http.request.resend_count': number - 1 }),
      ...(httpStatus !== undefined && { 'http.response.status_code': httpStatus }),
      ...(requestId !== undefined && { 'nestjs_rtc_messaging.request_id': requestId }),
      ...(throttled && { 'nestjs_rtc_messaging.throttled': true }),
    };
    const span = this.#start(`${call.action} attempt`, 'CLIENT', attempt.startedAt, attributes, parent);
    if (outcome !== 'accepted') this.#fail(span, failure);
    span.end(new Date(endOf(attempt)));
  }

  #outcome({ call, outcome, attempts, possibleDuplicate, ...event }: RtcOutcomeEvent): void {
    const span = this.#open.get(call);
    this.#open.delete(call);
    if (span === undefined) return;
    span.setAttributes({
      'nestjs_rtc_messaging.outcome': outcome,
      'nestjs_rtc_messaging.attempts': attempts.length,
      ...(possibleDuplicate && { 'nestjs_rtc_messaging.possible_duplicate': true }),
    });
    if (outcome !== 'accepted') this.#fail(span, event.apiCode ?? event.code);
    // Times are rounded separately. An attempt must not seem to end after its call.
    const end = Math.max(Date.parse(call.startedAt) + event.durationMs, ...attempts.map(endOf));
    span.end(new Date(end));
  }

  #beginFanOut({ id, startedAt }: RtcFanOutInfo): Span {
    const attributes = { 'messaging.operation.name': 'fanOut', 'nestjs_rtc_messaging.fan_out.id': id };
    return this.#start('fanOut', 'INTERNAL', startedAt, attributes);
  }

  #fanOutOutcome({ fanOut, status, counts, stop, ...event }: RtcFanOutOutcomeEvent): void {
    // A durable fan-out may have begun in another process.
    const span = fanOut.durable ? this.#beginFanOut(fanOut) : this.#open.get(fanOut);
    this.#open.delete(fanOut);
    if (span === undefined) return;
    span.setAttributes({
      'nestjs_rtc_messaging.fan_out.status': status,
      'nestjs_rtc_messaging.fan_out.requests': event.requests,
      'nestjs_rtc_messaging.fan_out.throttled': event.throttled,
    });
    for (const [name, count] of Object.entries(counts)) {
      const recipients = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      span.setAttribute(`nestjs_rtc_messaging.fan_out.recipients.${recipients}`, count);
    }
    if (status !== 'accepted') this.#fail(span, stop ?? status);
    // The fan-out's calls have ended before it, but their times are rounded separately.
    const end = Date.parse(fanOut.startedAt) + event.durationMs;
    span.end(new Date(fanOut.durable ? end : Math.max(end, Date.now())));
  }

  #fail(span: Span, code: string | undefined): void {
    const type = this.errorType(code);
    span.setAttribute('error.type', type);
    span.setStatus({ code: this.api.SpanStatusCode.ERROR, message: type });
  }

  /** @param parent default: the caller's span */
  #start(
    name: string,
    kind: 'CLIENT' | 'INTERNAL',
    startedAt: string,
    attributes: Attributes,
    parent?: Span,
  ): Span {
    const options = {
      kind: this.api.SpanKind[kind],
      startTime: new Date(startedAt),
      attributes: { ...this.client, ...attributes },
    };
    return this.tracer.startSpan(name, options, parent && this.#below(parent));
  }

  #below(span: Span): OpenTelemetryApi.Context {
    return this.api.trace.setSpan(this.api.context.active(), span);
  }
}

function endOf({ startedAt, durationMs }: Attempt): number {
  return Date.parse(startedAt) + durationMs;
}
