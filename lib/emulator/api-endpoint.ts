import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { authenticate, regionOf } from './authenticate.js';
import type { EmulatorState } from './emulator-state.js';
import type { Fault } from './fault.js';
import { acceptsRequest, rulesOf, transmit } from './fault-kinds.js';
import { ApiError, check, type HttpError } from './http-error.js';
import { type Decision, Messages } from './messages.js';
import { isPresenceAction } from './presence-action.js';
import { answerPresence } from './presence-actions.js';
import { QuotaWindows } from './quota-window.js';
import { readBody } from './read-body.js';
import { ReceivedRequest } from './received-request.js';
import { sendUnread } from './send-json.js';

/** How the actions are asked for that send, and those that tell who is in a room. */
const SENDING = { method: 'POST', versions: ['2023-07-20', '2020-12-01'] };
const ASKING = { method: 'GET', versions: ['2023-11-01'] };
/** The largest legal request is about a tenth of this. */
const MAX_BODY_BYTES = 1_048_576;
/** Stands in the answer for an action that the request does not name. */
const DEFAULT_REGION = 'cn-north-1';

/** The remote API itself: `/?Action=…&Version=…`. */
export class ApiEndpoint {
  readonly #windows: QuotaWindows;
  readonly #messages: Messages;

  constructor(private readonly state: EmulatorState) {
    this.#windows = new QuotaWindows(state.options().quota.window);
    this.#messages = new Messages(state, this.#windows);
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, faults } = this.state;
    const request = new ReceivedRequest(incoming);
    const came = new Date(clock.now());
    response.setHeader('Date', came.toUTCString());
    try {
      request.body = await readBody(incoming, MAX_BODY_BYTES);
    } catch (error) {
      const { httpStatus, message } = error as HttpError;
      // The vendor's pages name no codes for a body that can't be read.
      const code = httpStatus === 413 ? 'InvalidParameter.SizeOverLimit' : 'InvalidParameter.BodyIsEmpty';
      const refusal = new ApiError(code, message, httpStatus);
      const answer = bodyOf(createRequestId(came), request, { outcome: 'refused', error: refusal });
      sendUnread(response, refusal, answer);
      return;
    }
    const fault = faults.for('request', request);
    const at = new Date(clock.now() + ((fault && rulesOf(fault).clockOffsetMs?.(fault)) ?? 0));
    response.setHeader('Date', at.toUTCString());
    const decision = this.#decide(request, at, fault);
    const { outcome, error, absent } = decision;
    const requestId = createRequestId(at);
    // A request that is refused anyway is not changed by a fault.
    const spoilt = outcome === 'refused' && fault !== undefined && acceptsRequest(fault) ? undefined : fault;
    const text = JSON.stringify(bodyOf(requestId, request, decision));
    const httpStatus = transmit({ response, httpStatus: error?.httpStatus ?? 200, text }, spoilt);
    this.state.addRequest(request, incoming.url ?? '/', {
      requestId,
      at,
      outcome,
      ...(absent !== undefined && { absent }),
      ...(httpStatus !== undefined && { httpStatus }),
      ...(error !== undefined && { apiCode: error.apiCode }),
      ...(fault !== undefined && { fault: fault.kind }),
    });
  }

  /** Decides on a request, and on an error that a fault asks for. */
  #decide(request: ReceivedRequest, at: Date, fault: Fault | undefined): Decision {
    const asked = fault && rulesOf(fault).error?.(fault);
    if (fault !== undefined && !acceptsRequest(fault)) {
      // What a fault sends in full must not look like success.
      return { outcome: 'refused', error: asked ?? new ApiError('InternalError', 'It was not accepted.') };
    }
    try {
      const decision = this.#act(request, at);
      return { ...decision, error: decision.error ?? asked };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { outcome: 'refused', error };
    }
  }

  /** Checks the whole request. @throws ApiError with the first problem */
  #act(request: ReceivedRequest, at: Date): Decision {
    const { action, version, method } = request;
    check(action && version, 'MissingParameter', 'Action or Version is missing.');
    const account = authenticate(request, this.state.accounts(), at.getTime());
    const isMessage = isRtcActionName(action);
    const asked = isMessage ? SENDING : ASKING;
    check(
      (isMessage || isPresenceAction(action)) && asked.versions.includes(version),
      'InvalidActionOrVersion',
      'There is no such action in this version.',
    );
    check(method === asked.method, 'MethodNotAllowed', `The action takes ${asked.method}.`);
    if (isMessage) return this.#messages.send(action, request, account, at);
    return {
      outcome: 'accepted',
      result: answerPresence(this.state, this.#windows, action, request, account),
    };
  }
}

/** In the vendor's shape. */
function bodyOf(requestId: string, { query, headers }: ReceivedRequest, { error, result }: Decision): object {
  const metadata = {
    RequestId: requestId,
    Action: query.get('Action') ?? undefined,
    Version: query.get('Version') ?? undefined,
    Service: 'rtc',
    Region: regionOf(headers) ?? DEFAULT_REGION,
  };
  if (error === undefined) return { ResponseMetadata: metadata, Result: result };
  const { codeN, apiCode, message } = error;
  return { ResponseMetadata: { ...metadata, Error: { CodeN: codeN, Code: apiCode, Message: message } } };
}

/** In the shape of the vendor's: the time, then what makes it unique. */
function createRequestId(at: Date): string {
  const time = at.toISOString().slice(0, 19).replaceAll(/\D/g, '');
  return time + randomBytes(9).toString('hex').toUpperCase();
}
