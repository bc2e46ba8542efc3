import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isRtcActionName } from '../openapi/rtc-action.js';
import { authenticate, regionOf } from './authenticate.js';
import { callOf, type PresenceAction } from './emulated-action.js';
import type { EmulatorState, RecordedRequest } from './emulator-state.js';
import type { Fault } from './fault.js';
import { acceptsRequest, rulesOf, transmit } from './fault-kinds.js';
import { ApiError, check } from './http-error.js';
import { Messages } from './messages.js';
import { ReceivedRequest } from './received-request.js';
import { answerPresence } from './room-presence.js';

/** The region in the answer if the signature names none. */
const DEFAULT_REGION = 'cn-north-1';
const SUCCESS = { Message: 'Success' };

/** What is decided on a request: what became of what was sent, and what is answered. */
interface Decision {
  readonly outcome: RecordedRequest['outcome'];
  readonly error?: ApiError | undefined;
  /** Without an error. */
  readonly result?: unknown;
}

/** The remote API itself: `/?Action=…&Version=…`. */
export class ApiEndpoint {
  readonly #messages: Messages;

  constructor(private readonly state: EmulatorState) {
    this.#messages = new Messages(state);
  }

  handle(incoming: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const { clock, faults } = this.state;
    const request = new ReceivedRequest(incoming, body);
    const fault = faults.for('request', request);
    const at = new Date(clock.now() + ((fault && rulesOf(fault).clockOffsetMs?.(fault)) ?? 0));
    response.setHeader('Date', at.toUTCString());
    const decision = this.#decide(request, at, fault);
    const { outcome, error } = decision;
    const requestId = createRequestId(at);
    response.statusCode = error?.httpStatus ?? 200;
    // A request that is refused anyway is not changed by a fault.
    const isSpared = outcome === 'refused' && fault !== undefined && acceptsRequest(fault);
    transmit(response, answerText(requestId, request, decision), isSpared ? undefined : fault);
    this.state.addRequest(request, incoming.url ?? '/', {
      requestId,
      at,
      outcome,
      ...(!incoming.socket.destroyed && { httpStatus: response.statusCode }),
      ...(error !== undefined && { apiCode: error.apiCode }),
      ...(fault !== undefined && { fault: fault.kind }),
    });
  }

  /** Decides on a request, and on an error that a fault asks for. */
  #decide(request: ReceivedRequest, at: Date, fault: Fault | undefined): Decision {
    const asked = fault && rulesOf(fault).error?.(fault);
    const isLost = fault !== undefined && !acceptsRequest(fault);
    try {
      // What a fault sends in full must not look like success.
      if (isLost) throw asked ?? new ApiError('InternalError', 'It was not accepted.');
      return { ...this.#act(request, at), error: asked };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { outcome: 'refused', error };
    }
  }

  /** Checks the whole request. @throws ApiError with the first problem */
  #act(request: ReceivedRequest, at: Date): Decision {
    const { action, version, method } = request;
    check(action && version, 'MissingParameter', 'Action or Version is missing.');
    const account = authenticate(request, this.state.options().accounts, at.getTime());
    const call = callOf(action);
    const isKnown = call?.versions.includes(version);
    check(isKnown, 'InvalidActionOrVersion', 'There is no such action in this version.');
    check(method === call?.method, 'MethodNotAllowed', `The action takes ${call?.method}.`);
    if (isRtcActionName(action)) {
      const isAccepted = this.#messages.send(action, request, account, at);
      return { outcome: isAccepted ? 'accepted' : 'dropped', result: SUCCESS };
    }
    const result = answerPresence(this.state, action as PresenceAction, request, account);
    return { outcome: 'accepted', result };
  }
}

/** In the vendor's shape. */
function answerText(requestId: string, { query, headers }: ReceivedRequest, decision: Decision): string {
  const { error, result } = decision;
  const metadata = {
    RequestId: requestId,
    Action: query.get('Action') ?? undefined,
    Version: query.get('Version') ?? undefined,
    Service: 'rtc',
    Region: regionOf(headers) ?? DEFAULT_REGION,
  };
  if (error === undefined) return JSON.stringify({ ResponseMetadata: metadata, Result: result });
  const { codeN, apiCode, message } = error;
  const Error = { CodeN: codeN, Code: apiCode, Message: message };
  return JSON.stringify({ ResponseMetadata: { ...metadata, Error } });
}

/** In the shape of the vendor's: the time, then what makes it unique. */
function createRequestId(at: Date): string {
  const time = at.toISOString().slice(0, 19).replaceAll(/\D/g, '');
  return time + randomUUID().replaceAll('-', '').slice(-18).toUpperCase();
}
