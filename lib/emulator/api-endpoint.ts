import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { Authenticator, regionOf } from './authenticate.js';
import { tcpSocketOf } from './connection.js';
import type { EmulatorState, RecordedRequest } from './emulator-state.js';
import type { Fault } from './fault.js';
import { acceptsRequest, rulesOf, transmit } from './fault-kinds.js';
import { ApiError, check, HttpError } from './http-error.js';
import { type Decision, Messages } from './messages.js';
import { isPresenceAction } from './presence-action.js';
import { PresenceActions } from './presence-actions.js';
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
  readonly #authenticator: Authenticator;
  readonly #messages: Messages;
  readonly #presence: PresenceActions;

  constructor(private readonly state: EmulatorState) {
    this.#authenticator = new Authenticator(state.accounts());
    const windows = new QuotaWindows(state.options().quota.window);
    this.#messages = new Messages(state, windows);
    this.#presence = new PresenceActions(state, windows);
  }

  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, faults } = this.state;
    const request = new ReceivedRequest(incoming);
    const came = new Date(clock.now());
    response.setHeader('Date', came.toUTCString());
    const keep = (kept: Omit<RecordedRequest, 'method' | 'url' | 'headers' | 'body'>): void => {
      const { method, headers, body } = request;
      const url = incoming.url ?? '/';
      this.state.addRequest({ ...kept, method, url, headers: Object.fromEntries(headers), body });
    };
    const unread = faults.forUnread();
    if (unread !== undefined) {
      keep({ requestId: createRequestId(came), at: came, outcome: 'refused', fault: unread.kind });
      tcpSocketOf(incoming.socket).resetAndDestroy();
      return;
    }
    try {
      request.body = await readBody(incoming, MAX_BODY_BYTES);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      // The vendor's pages name no codes for a body that can't be read.
      const code =
        error.httpStatus === 413 ? 'InvalidParameter.SizeOverLimit' : 'InvalidParameter.BodyIsEmpty';
      const refusal = new ApiError(code, error.message, error.httpStatus);
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
    keep({
      requestId,
      at,
      outcome,
      ...(absent !== undefined && { absent }),
      ...(httpStatus !== undefined && { httpStatus }),
      ...(error !== undefined && { apiCode: error.apiCode }),
      ...(fault !== undefined && { fault: fault.kind }),
    });
  }

  /** Decides on a request, before a fault changes the answer. */
  #decide(request: ReceivedRequest, at: Date, fault: Fault | undefined): Decision {
    const isRead = fault === undefined || acceptsRequest(fault);
    try {
      const decision: Decision = isRead ? this.#act(request, at) : { outcome: 'refused' };
      if (fault === undefined || decision.error !== undefined) return decision;
      const { error, sendsAll = false } = rulesOf(fault);
      if (error !== undefined) return { ...decision, error: error(fault) };
      if (isRead || !sendsAll) return decision;
      return { ...decision, error: new ApiError('InternalError', 'The message was not accepted.') };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { outcome: 'refused', error };
    }
  }

  /** Checks the whole request. @throws ApiError with the first problem */
  #act(request: ReceivedRequest, at: Date): Decision {
    const { action, version, method } = request;
    check(action && version, 'MissingParameter', 'Action or Version is missing.');
    const account = this.#authenticator.authenticate(request, at.getTime());
    const asked = isPresenceAction(action) ? ASKING : SENDING;
    const isKnown = isPresenceAction(action) || isRtcActionName(action);
    check(
      isKnown && asked.versions.includes(version),
      'InvalidActionOrVersion',
      'There is no such action in this version.',
    );
    check(method === asked.method, 'MethodNotAllowed', `The action takes ${asked.method}.`);
    return isRtcActionName(action)
      ? this.#messages.send(action, request, account, at)
      : this.#presence.answer(action, request, account);
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
  // Of a UUID, whose random bits Node fetches for many at a time, all but the group with the version.
  const [first = '', second = '', , , last = ''] = randomUUID().toUpperCase().split('-');
  const unique = `${first}${second}${last}`.slice(0, 18);
  return `${at.toISOString().slice(0, 19).replaceAll(/\D/g, '')}${unique}`;
}
