import type { Attributes } from '@opentelemetry/api';

/**
 * Attributes of OpenTelemetry's semantic conventions (those for messaging are still in development). Attributes without
 * a convention begin with this package's name.
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/
 */
export const ATTRIBUTE = {
  system: 'messaging.system',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  batchSize: 'messaging.batch.message_count',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  errorType: 'error.type',
  method: 'http.request.method',
  httpStatus: 'http.response.status_code',
  resendCount: 'http.request.resend_count',
  module: 'nestjs_rtc_messaging.module',
  outcome: 'nestjs_rtc_messaging.outcome',
  attempts: 'nestjs_rtc_messaging.attempts',
  possibleDuplicate: 'nestjs_rtc_messaging.possible_duplicate',
  phase: 'nestjs_rtc_messaging.phase',
  requestId: 'nestjs_rtc_messaging.request_id',
  throttled: 'nestjs_rtc_messaging.throttled',
  reason: 'nestjs_rtc_messaging.reason',
  delay: 'nestjs_rtc_messaging.delay',
  priority: 'nestjs_rtc_messaging.priority',
  quotaStatus: 'nestjs_rtc_messaging.quota.status',
  receiptStatus: 'nestjs_rtc_messaging.receipt.status',
  fanOutId: 'nestjs_rtc_messaging.fan_out.id',
  fanOutStatus: 'nestjs_rtc_messaging.fan_out.status',
  fanOutRequests: 'nestjs_rtc_messaging.fan_out.requests',
  fanOutThrottled: 'nestjs_rtc_messaging.fan_out.throttled',
  fanOutRecipients: 'nestjs_rtc_messaging.fan_out.recipients',
} as const;

/** Instrumentation scope of the library's spans and metrics. */
export const SCOPE = 'nestjs-rtc-messaging';

/** Attributes that all spans and metrics of one module share. */
export interface TelemetryClient {
  /** An origin. */
  readonly endpoint: string;
  /** The module's name, for apps with several accounts. */
  readonly module: string;
}

/** The conventions have no name for the vendor. Both of its brands have the same API. */
const SYSTEM = 'volcengine_rtc';

export function describeClient({ endpoint, module }: TelemetryClient): Attributes {
  const { hostname, port, protocol } = new URL(endpoint);
  return {
    [ATTRIBUTE.system]: SYSTEM,
    [ATTRIBUTE.serverAddress]: hostname.replace(/^\[(.*)\]$/, '$1'),
    [ATTRIBUTE.serverPort]: Number(port || (protocol === 'http:' ? 80 : 443)),
    [ATTRIBUTE.module]: module,
  };
}

/** Of `error.type`, as the conventions have it. */
const OTHER = '_OTHER';

/**
 * Bounds the number of values of `error.type`. The remote side may invent any number of codes, and each value is a time
 * series.
 */
export class ErrorTypes {
  readonly #known = new Set<string>();

  constructor(private readonly limit = 100) {}

  /** @param code the vendor's, Node's or this library's */
  of(code: string | undefined): string {
    if (code === undefined) return OTHER;
    if (!this.#known.has(code)) {
      if (this.#known.size >= this.limit) return OTHER;
      this.#known.add(code);
    }
    return code;
  }
}
