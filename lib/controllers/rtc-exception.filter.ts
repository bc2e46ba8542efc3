import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';

/** Body of an HTTP error. It contains nothing of the module's settings, and no `hint`. */
export interface RtcErrorBody {
  /** The HTTP status, as in the status line. */
  readonly statusCode: number;
  /** The status in words. */
  readonly error: string;
  /** What went wrong: the `code` of the error that was thrown, for example `RTC_QUOTA`. */
  readonly code: string;
  /** What went wrong, in words. */
  readonly message: string;
  /** Outcome of the message: `rejected`, `unknown` or `not_attempted`. */
  readonly outcome: string;
  /** The vendor's ID of the last request that was answered, if one was. */
  readonly requestId?: string;
  /** With 400: every violated rule. */
  readonly issues?: readonly ValidationIssue[];
}

/** Both Express's response and Fastify's reply have these. */
interface HttpReply {
  status(code: number): HttpReply;
  header(name: string, value: string): HttpReply;
  send(body: unknown): unknown;
}

/**
 * Turns this library's errors into HTTP answers. The library's own controllers use it. An app's controllers can too,
 * with `@UseFilters(RtcExceptionFilter)`, or all of them with `APP_FILTER`. Other transports (GraphQL,
 * microservices) are left to Nest. It is not for gateways.
 */
@Catch(RtcMessagingError)
export class RtcExceptionFilter implements ExceptionFilter<RtcMessagingError> {
  catch(error: RtcMessagingError, host: ArgumentsHost): void {
    // Where a filter returns nothing, Nest goes on with its own.
    if (host.getType<string>() !== 'http') return;
    const statusCode = statusOf(error);
    const reply = host.switchToHttp().getResponse<HttpReply>();
    if (statusCode === HttpStatus.TOO_MANY_REQUESTS) reply.header('Retry-After', retryAfterOf(error));
    reply.status(statusCode).send({
      statusCode,
      error: STATUS_CODES[statusCode] ?? 'Error',
      code: error.code,
      message: messageForCaller(error),
      outcome: error.outcome,
      ...(error.requestId !== undefined && { requestId: error.requestId }),
      ...(error instanceof RtcValidationError && { issues: error.issues }),
    } satisfies RtcErrorBody);
  }
}

/** Without the hint and problems with the settings, which are for the operator only. */
function messageForCaller(error: RtcMessagingError): string {
  if (error instanceof RtcConfigError) return 'The sender is not configured correctly.';
  const { message, hint } = error;
  return hint === undefined ? message : message.replace(hint, '').trimEnd();
}

function statusOf(error: RtcMessagingError): number {
  if (error instanceof RtcValidationError) return HttpStatus.BAD_REQUEST;
  if (error instanceof RtcQuotaError) return HttpStatus.TOO_MANY_REQUESTS;
  // Only the app's own shutdown aborts an HTTP caller's request.
  if (error instanceof RtcAbortedError && error.outcome !== 'unknown') {
    return HttpStatus.SERVICE_UNAVAILABLE;
  }
  // For the caller, a full queue here and throttling by the service are the same.
  if (error.outcome !== 'unknown' && error.attempts.at(-1)?.throttled === true) {
    return HttpStatus.TOO_MANY_REQUESTS;
  }
  // The caller must know that sending again may deliver twice, whatever the failure was.
  return error.outcome === 'unknown' ? HttpStatus.GATEWAY_TIMEOUT : HttpStatus.BAD_GATEWAY;
}

/** In seconds. */
function retryAfterOf(error: RtcMessagingError): string {
  const known =
    error instanceof RtcQuotaError || error instanceof RtcApiError ? error.retryAfterMs : undefined;
  return String(Math.max(1, Math.ceil((known ?? 0) / 1_000)));
}
