import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { PublishedErrorCode } from '../openapi/published-errors.js';
import { RTC_ACTIONS, type RtcActionName } from '../openapi/rtc-action.js';
import { Authenticator, regionOf } from './authenticate.js';
import { tcpSocketOf } from './connection.js';
import type { EmulatorState, RecordedRequest } from './emulator-state.js';
import type { Fault } from './fault.js';
import { acceptsRequest, rulesOf, transmit } from './fault-kinds.js';
import { ApiError, HttpError } from './http-error.js';
import { type Decision, Messages } from './messages.js';
import { PRESENCE_ACTIONS } from './presence-action.js';
import { PresenceActions } from './presence-actions.js';
import { readBody, readHead, type RequestHead } from './read-request.js';
import { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';
import { sendUnread } from './send-json.js';

interface Action {
  readonly method: 'GET' | 'POST';
  readonly versions: readonly string[];
  /** @throws ApiError when it is refused */
  answer(request: ReceivedRequest, account: EmulatorAccount, at: Date): Decision;
}

/** Answer for a body that can't be read. The vendor's pages name no codes for that. */
const UNREAD_CODES: ReadonlyMap<number, PublishedErrorCode> = new Map([
  [408, 'InvalidParameter.BodyIsEmpty'],
  [413, 'InvalidParameter.SizeOverLimit'],
]);
/** The largest legal request is about a tenth of this. */
const MAX_BODY_BYTES = 1_048_576;
/** Stands in the answer for an action that the request does not name. */
const DEFAULT_REGION = 'cn-north-1';

/** The remote API itself: `/?Action=…&Version=…`. */
export class ApiEndpoint {
  readonly #authenticator: Authenticator;
  /** The actions by name. */
  readonly #actions: ReadonlyMap<string, Action>;

  constructor(private readonly state: EmulatorState) {
    this.#authenticator = new Authenticator(state.accounts());
    const messages = new Messages(state);
    const names = Object.keys(RTC_ACTIONS) as RtcActionName[];
    const presence = new PresenceActions(state);
    this.#actions = new Map<string, Action>([
      ...names.map((name): [string, Action] => [
        name,
        {
          method: 'POST',
          versions: ['2023-07-20', '2020-12-01'],
          answer: (...request) => messages.send(name, ...request),
        },
      ]),
      ...PRESENCE_ACTIONS.map((name): [string, Action] => [
        name,
        {
          method: 'GET',
          versions: ['2023-11-01'],
          answer: (request, account) => presence.answer(name, request, account),
        },
      ]),
    ]);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, faults, uploads } = this.state;
    const head = readHead(request);
    const came = new Date(clock.now());
    response.setHeader('Date', came.toUTCString());
    const keep = (kept: Omit<RecordedRequest, 'method' | 'url' | 'headers'>): void => {
      const headers = Object.fromEntries(head.headers);
      this.state.addRequest({ ...kept, method: head.method, url: request.url ?? '/', headers });
    };
    if (faults.resetsUnread()) {
      const requestId = createRequestId(came);
      keep({ requestId, at: came, body: Buffer.alloc(0), outcome: 'refused', fault: 'reset' });
      tcpSocketOf(request.socket).resetAndDestroy();
      return;
    }
    let body: Buffer;
    try {
      body = await readBody(request, MAX_BODY_BYTES, uploads);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      const code = UNREAD_CODES.get(error.httpStatus) ?? 'ServiceUnavailableTemp';
      const refusal = new ApiError(code, error.message, error.httpStatus);
      sendUnread(
        response,
        refusal,
        bodyOf(createRequestId(came), head, { outcome: 'refused', error: refusal }),
      );
      return;
    }
    const call = new ReceivedRequest(head, body);
    const fault = faults.for('request', call);
    const at = new Date(clock.now() + (fault?.kind === 'clock' ? fault.offsetMs : 0));
    response.setHeader('Date', at.toUTCString());
    const decision = this.#decide(call, at, fault);
    const { outcome, error, absent } = decision;
    const requestId = createRequestId(at);
    // A request that is refused anyway is not changed by a fault.
    const spoilt = outcome === 'refused' && fault !== undefined && acceptsRequest(fault) ? undefined : fault;
    const text = JSON.stringify(bodyOf(requestId, head, decision));
    const httpStatus = transmit({ response, httpStatus: error?.httpStatus ?? 200, text }, spoilt);
    keep({
      requestId,
      at,
      body,
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
      if (decision.error === undefined && fault?.kind === 'error') {
        const error = new ApiError(fault.code, 'This error was asked for.', fault.httpStatus);
        return { ...decision, error };
      }
      if (isRead || rulesOf(fault.kind).sendsAll !== true) return decision;
      return { ...decision, error: new ApiError('InternalError', 'The message was not accepted.') };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { outcome: 'refused', error };
    }
  }

  /** Checks the whole request. @throws ApiError with the first problem */
  #act(request: ReceivedRequest, at: Date): Decision {
    const { action: name, version } = request;
    if (!name || !version) throw new ApiError('MissingParameter', 'Action or Version is missing.');
    const account = this.#authenticator.authenticate(request, at.getTime());
    const action = this.#actions.get(name);
    if (!action?.versions.includes(version)) {
      throw new ApiError('InvalidActionOrVersion', 'There is no such action in this version.');
    }
    if (request.head.method !== action.method) {
      throw new ApiError('MethodNotAllowed', `The action takes ${action.method}.`);
    }
    return action.answer(request, account, at);
  }
}

/** In the vendor's shape. */
function bodyOf(requestId: string, head: RequestHead, { error, result }: Decision): object {
  const metadata = {
    RequestId: requestId,
    Action: head.query.get('Action') ?? undefined,
    Version: head.query.get('Version') ?? undefined,
    Service: 'rtc',
    Region: regionOf(head) ?? DEFAULT_REGION,
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
