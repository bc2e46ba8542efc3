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

/** How one call differs from the module's settings. */
export interface OpenApiOptions extends Omit<SendOptions, 'onUnknown'> {
  /**
   * The vendor's limit on this action, in requests a second, 1–1,000,000. The action is held to the least that was
   * given for it, whoever calls it with this access key; those of `RoomPresenceService` also to its limits. Default,
   * where no one has given one: 10, the least that the vendor's pages name.
   */
  readonly requestsPerSecond?: number | undefined;
}

const { onUnknown: _, ...options } = SEND_OPTIONS;

export const OPEN_API_OPTIONS = {
  ...options,
  requestsPerSecond: wholeNumber(1, 1_000_000),
} satisfies OptionTable<OpenApiOptions>;

/** What the service needs of a sender. */
export type OpenApiSender = Pick<Sender, 'request' | 'axiosRef'>;

const DEFAULT: ActionLimit = { requestsPerSecond: 10, isGuess: true };
const hidden = new HiddenParts<CallingParts>();

/** What calls are made with. */
export interface CallingParts {
  readonly sender: OpenApiSender;
  readonly settings: RtcMessagingSettings;
}

/** Calls any other action of the service, signed. */
@Injectable()
export class RtcOpenApiService {
  constructor(
    @Inject(Sender) sender: OpenApiSender,
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
  ) {
    hidden.set(this, { sender, settings });
  }

  /**
   * The request interceptors of the Axios instance that these calls are made with, and messages are not. What they
   * change of the query, the body and the headers is sent, and is signed where a signature covers it; they see neither
   * key nor signature. `config.data` is an object with the body's fields. A request that they turn into another
   * action, another method or to another origin is not sent.
   */
  get axiosRef(): RtcAxiosRef {
    return hidden.of(this).sender.axiosRef;
  }

  /**
   * Calls an action. What proves that it was not done is retried; what proves nothing is retried with `GET` alone.
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
 * Calls an action; the `Result` of its answer is of any form.
 * @param maxContentLength the longest answer that is read, in bytes, where that is more than `http.maxContentLength`
 */
export async function callAction(
  { sender, settings }: CallingParts,
  request: OpenApiRequest,
  options: OpenApiOptions,
  usual: ActionLimit,
  maxContentLength?: number,
): Promise<AcceptedCall> {
  const checked = checkApiRequest(request);
  const { requestsPerSecond, ...given } = checkCallOptions(OPEN_API_OPTIONS, options);
  const limit = requestsPerSecond === undefined ? usual : { requestsPerSecond, isGuess: false };
  const onUnknown = checked.method === 'GET' ? 'resend' : 'report';
  const asked = maxContentLength === undefined ? checked : { ...checked, maxContentLength };
  return sender.request(asked, limit, callPlan(settings, { ...given, onUnknown }));
}
