import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus, Logger } from '@nestjs/common';
import { STATUS_CODES } from 'node:http';
import { RtcAbortedError } from '../errors/rtc-aborted.error.js';
import { RtcApiError } from '../errors/rtc-api.error.js';
import { RtcConfigError } from '../errors/rtc-config.error.js';
import { RtcMessagingError } from '../errors/rtc-messaging.error.js';
import { RtcQuotaError } from '../errors/rtc-quota.error.js';
import { RtcValidationError, type ValidationIssue } from '../errors/rtc-validation.error.js';

/** What a caller is answered. It holds nothing of the module's settings. */
export interface RtcErrorBody {
  /** The HTTP status, as in the status line. */
  readonly statusCode: number;
  /** The status in words. */
  readonly error: string;
  /** What went wrong: the `code` of the error that was thrown, for example `RTC_QUOTA`. */
  readonly code: string;
  /** What went wrong, in words. */
  readonly message: string;
  /** What is known of the message: `rejected`, `unknown` or `not_attempted`. */
  readonly outcome: string;
  /** The vendor's ID of the last request that was answered, if one was. */
  readonly requestId?: string;
  /** With 400: every rule that was broken. */
  readonly issues?: readonly ValidationIssue[];
}

/** Both Express's response and Fastify's reply have these. */
interface HttpReply {
  status(code: number): HttpReply;
  header(name: string, value: string): HttpReply;
  send(body: unknown): unknown;
}

/**
 * Turns this library's errors into HTTP answers. The library's own controller uses it; an app's controllers
 * can too, with `@UseFilters(RtcExceptionFilter)`, or all of them with `APP_FILTER`. What is no HTTP (GraphQL,
 * microservices, WebSockets) is left to Nest, as if the filter was not there.
 */
@Catch(RtcMessagingError)
export class RtcExceptionFilter implements ExceptionFilter<RtcMessagingError> {
  catch(error: RtcMessagingError, host: ArgumentsHost): void {
    const type = host.getType<string>();
    if (type === 'ws') void leaveToWebSockets(error, host);
    // Where a filter returns nothing, Nest goes on with its own.
    if (type !== 'http') return;
    const statusCode = statusOf(error);
    const reply = host.switchToHttp().getResponse<HttpReply>();
    if (statusCode === HttpStatus.TOO_MANY_REQUESTS) reply.header('Retry-After', retryAfterOf(error));
    reply.status(statusCode).send({
      statusCode,
      error: STATUS_CODES[statusCode] ?? 'Error',
      code: error.code,
      // What is wrong with the settings is the operator's to know.
      message: error instanceof RtcConfigError ? 'The sender is not configured correctly.' : error.message,
      outcome: error.outcome,
      ...(error.requestId !== undefined && { requestId: error.requestId }),
      ...(error instanceof RtcValidationError && { issues: error.issues }),
    } satisfies RtcErrorBody);
  }
}

/** Of a gateway, Nest takes whatever a filter does for the answer: so its own is asked for it. */
async function leaveToWebSockets(error: RtcMessagingError, host: ArgumentsHost): Promise<void> {
  try {
    // Within the try, which is where bundlers see that the package may be missing: then there are no gateways.
    const { BaseWsExceptionFilter } = await import('@nestjs/websockets');
    // A filter's method, and not a promise's.
    // oxlint-disable-next-line promise/no-promise-in-callback
    new BaseWsExceptionFilter().catch(error, host);
  } catch (problem) {
    new Logger('RtcMessaging').error(problem);
  }
}

function statusOf(error: RtcMessagingError): number {
  if (error instanceof RtcValidationError) return HttpStatus.BAD_REQUEST;
  if (error instanceof RtcQuotaError) return HttpStatus.TOO_MANY_REQUESTS;
  // Nothing aborts what comes over HTTP but the app's own shutdown.
  if (error instanceof RtcAbortedError && error.outcome !== 'unknown') {
    return HttpStatus.SERVICE_UNAVAILABLE;
  }
  // Whether this library or the service says that the quota is used up makes no difference to the caller.
  if (error.outcome !== 'unknown' && error.attempts.at(-1)?.throttled === true) {
    return HttpStatus.TOO_MANY_REQUESTS;
  }
  // The caller must learn that sending again may deliver twice, whatever went wrong.
  return error.outcome === 'unknown' ? HttpStatus.GATEWAY_TIMEOUT : HttpStatus.BAD_GATEWAY;
}

/** In seconds. */
function retryAfterOf(error: RtcMessagingError): string {
  const known =
    error instanceof RtcQuotaError || error instanceof RtcApiError ? error.retryAfterMs : undefined;
  return String(Math.max(1, Math.ceil((known ?? 0) / 1_000)));
}
