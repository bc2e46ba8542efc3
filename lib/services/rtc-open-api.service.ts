import { Inject, Injectable } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { checkApiRequest, type OpenApiRequest } from '../dto/check-api-request.js';
import type { RtcAxiosRef } from '../openapi/intercepted-request.js';
import { checkCallOptions } from '../options/check-call-options.js';
import type { OptionTable } from '../options/option-table.js';
import { wholeNumber } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { type AcceptedCall, type ActionLimit, Sender } from '../retry/sender.js';
import { callPlan, SEND_OPTIONS, type SendOptions } from './send-options.js';

/** Options of one call. They override the module's settings. */
export interface OpenApiOptions extends Pick<SendOptions, 'signal' | 'timeoutMs' | 'deadlineMs'> {
  /**
   * Rate limit of the action in requests a second, 1–1,000,000: the vendor's limit. All calls of the action with the
   * same access key share one limit, the smallest that was given for it. Actions of `RoomPresenceService` also have its
   * limits. Default, if none was given: 10, the smallest limit in the vendor's pages.
   */
  readonly requestsPerSecond?: number | undefined;
}

const { signal, timeoutMs, deadlineMs } = SEND_OPTIONS;

export const OPEN_API_OPTIONS = {
  signal,
  timeoutMs,
  deadlineMs,
  requestsPerSecond: wholeNumber(1, 1_000_000),
} satisfies OptionTable<OpenApiOptions>;

/** The parts of a sender that the service uses. */
export type OpenApiSender = Pick<Sender, 'request' | 'axiosRef'>;

const DEFAULT: ActionLimit = { requestsPerSecond: 10, isGuess: true };
const hidden = new HiddenParts<CallingParts>();

/** The parts that make calls. */
export interface CallingParts {
  readonly sender: OpenApiSender;
  readonly settings: RtcMessagingSettings;
}

/** Calls any action that has no service of its own. Requests are signed. */
@Injectable()
export class RtcOpenApiService {
  constructor(
    @Inject(Sender) sender: OpenApiSender,
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
  ) {
    hidden.set(this, { sender, settings });
  }

  /**
   * The request interceptors of these calls. Messages do not pass through them. They may change the query, the body and
   * the headers. The changed request is signed and sent. They see neither the key nor the signature. `config.data` is an
   * object with the body's fields. If they change the action, the method or the origin, the request is not sent.
   */
  get axiosRef(): RtcAxiosRef {
    return hidden.of(this).sender.axiosRef;
  }

  /**
   * Calls an action. Attempts that certainly had no effect are retried. Unknown outcomes are retried only with `GET`.
   *
   * @returns the answer's `Result`
   * @throws the errors of `RoomUnicastService.batchSend()`, and never one of Axios's
   * @see https://www.volcengine.com/docs/6348/69828
   */
  async request<T = unknown>(request: OpenApiRequest, options: OpenApiOptions = {}): Promise<T> {
    const { result } = await callAction(hidden.of(this), request, options, DEFAULT);
    return result as T;
  }
}

/**
 * Calls an action. The `Result` of its answer may have any form.
 * @param usual the rate limit, unless the caller gives one
 */
export async function callAction(
  { sender, settings }: CallingParts,
  request: OpenApiRequest,
  options: OpenApiOptions,
  usual: ActionLimit,
): Promise<AcceptedCall> {
  const checked = checkApiRequest(request);
  const { requestsPerSecond, ...given } = checkCallOptions(OPEN_API_OPTIONS, options);
  const limit = requestsPerSecond === undefined ? usual : { requestsPerSecond, isGuess: false };
  const onUnknown = checked.method === 'GET' ? 'resend' : 'report';
  return sender.request(checked, limit, callPlan(settings, { ...given, onUnknown }));
}
