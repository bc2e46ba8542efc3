import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isRtcActionName, type RtcActionName } from '../openapi/rtc-action.js';
import { SigningKeyCache } from '../openapi/signature-v4.js';
import type { EmulatorAccount } from './account.js';
import { ApiError, type ApiErrorCode } from './api-error.js';
import { authenticate, regionOf } from './authenticate.js';
import type { EmulatorClock } from './emulator-clock.js';
import type { Fault, FaultTarget } from './fault.js';
import { acceptsRequest, FAULT_KINDS, statusSent, transmit } from './fault-kinds.js';
import type { Faults } from './faults.js';
import type { BinaryCallback, Participant, ReceivedMessage, TextCallback } from './participant.js';
import type { Presence } from './presence.js';
import { Quotas } from './quotas.js';
import {
  type RawRequest,
  readHead,
  type RequestHead,
  type RequestReader,
  UnreadBodyError,
} from './raw-request.js';
import { type EmulatedMessage, readMessage } from './read-message.js';
import type { ReceivedLog } from './received-log.js';
import type { RecipientCounts } from './recipient-counts.js';
import type { RequestLog } from './request-log.js';
import type { RecordedRequest } from './request-log.js';
import { accountsOf, type ResolvedEmulatorOptions } from './rtc-emulator-options.js';
import { sendUnread } from './send-json.js';

/** What the API acts upon. */
export interface ApiState {
  readonly clock: EmulatorClock;
  readonly accepted: RecipientCounts;
  readonly deliveries: RecipientCounts;
  readonly faults: Faults;
  /** Of a room, or of those who are logged in. */
  presenceOf(roomId: string | undefined): Presence;
}

/** What the API needs of its server, and where it writes down what came. */
export interface ApiServer {
  readonly reader: RequestReader;
  readonly requests: RequestLog;
  readonly received: ReceivedLog;
  socketOf(socket: Socket): Socket | undefined;
}

interface DecidedAnswer {
  readonly httpStatus: number;
  readonly outcome: RecordedRequest['outcome'];
  readonly apiCode?: ApiErrorCode;
  readonly body: { readonly ResponseMetadata: Metadata; readonly Result?: unknown };
}

interface Metadata {
  readonly RequestId: string;
  readonly [name: string]: unknown;
}

/** What is answered where a body could not be read: the vendor's pages name no codes for that. */
const UNREAD_CODES: Readonly<Record<UnreadBodyError['httpStatus'], ApiErrorCode>> = {
  408: 'InvalidParameter.BodyIsEmpty',
  413: 'InvalidParameter.SizeOverLimit',
  503: 'ServiceUnavailableTemp',
};
/** The largest legal request is about a tenth of this. */
const MAX_BODY_BYTES = 1_048_576;
const VERSIONS = new Set(['2023-07-20', '2020-12-01']);
const IN_ROOM = { text: 'onUserMessageReceived', binary: 'onUserBinaryMessageReceived' } as const;
/** Under which callbacks of the client SDK each action's messages arrive. */
const CALLBACKS: Readonly<Record<RtcActionName, { text: TextCallback; binary: BinaryCallback }>> = {
  BatchSendRoomUnicast: IN_ROOM,
  SendRoomUnicast: IN_ROOM,
  SendBroadcast: { text: 'onRoomMessageReceived', binary: 'onRoomBinaryMessageReceived' },
  SendUnicast: {
    text: 'onUserMessageReceivedOutsideRoom',
    binary: 'onUserBinaryMessageReceivedOutsideRoom',
  },
};
/** Named by an answer to a request that names none. */
const DEFAULT_REGION = 'cn-north-1';

/** The remote API itself: `POST /?Action=…&Version=…`. */
export class ApiEndpoint {
  /** The first is that of `moduleOptions()`. */
  readonly #accounts: readonly EmulatorAccount[];
  readonly #quotas: Quotas;
  readonly #signingKeys = new SigningKeyCache();
  #messages = 0;

  constructor(
    private readonly state: ApiState,
    private readonly options: ResolvedEmulatorOptions,
    private readonly server: ApiServer,
  ) {
    this.#accounts = accountsOf(options);
    this.#quotas = new Quotas(options);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { clock, faults } = this.state;
    response.setHeader('Date', new Date(clock.now()).toUTCString());
    if (faults.resetsUnread()) {
      this.#recordUnread(request, new Date(clock.now()));
      this.server.socketOf(request.socket)?.resetAndDestroy();
      return;
    }
    let raw: RawRequest;
    try {
      raw = await this.server.reader.read(request, MAX_BODY_BYTES);
    } catch (error) {
      if (!(error instanceof UnreadBodyError)) throw error;
      const { httpStatus, message } = error;
      const metadata = this.#metadataOf(readHead(request), new Date(clock.now()));
      sendUnread(response, httpStatus, errorBody(metadata, UNREAD_CODES[httpStatus], undefined, message));
      return;
    }
    const fault = faults.active.length === 0 ? undefined : faults.forRequest(readFaultTarget(raw));
    const at = new Date(clock.now() + (fault?.kind === 'clock' ? fault.offsetMs : 0));
    response.setHeader('Date', at.toUTCString());
    const { outcome, apiCode, ...answer } = this.#answer(raw, at, fault);
    // What was refused on its own account is not spoilt further.
    const spoilt = outcome === 'refused' && fault !== undefined && acceptsRequest(fault) ? undefined : fault;
    const httpStatus = statusSent(answer.httpStatus, spoilt);
    this.server.requests.add({
      requestId: answer.body.ResponseMetadata.RequestId,
      at,
      method: raw.method,
      url: request.url ?? '/',
      headers: Object.fromEntries(raw.headers),
      body: raw.body,
      outcome,
      ...(httpStatus !== undefined && { httpStatus }),
      ...(apiCode !== undefined && { apiCode }),
      ...(fault !== undefined && { fault: fault.kind }),
    });
    const text = JSON.stringify(answer.body);
    const socket = this.server.socketOf(request.socket);
    transmit({ response, socket, httpStatus: answer.httpStatus, text }, spoilt);
  }

  /** Decides on a request, and says what a good network would carry back. */
  #answer(raw: RawRequest, at: Date, fault: Fault | undefined): DecidedAnswer {
    const metadata = this.#metadataOf(raw, at);
    const refuse = (httpStatus: number, apiCode: ApiErrorCode, codeN: number | undefined, text: string) => ({
      httpStatus,
      apiCode,
      body: errorBody(metadata, apiCode, codeN, text),
    });
    let outcome: RecordedRequest['outcome'] = 'refused';
    try {
      if (fault === undefined || acceptsRequest(fault)) {
        const { action, message, isDropped } = this.#admit(raw, at);
        outcome = isDropped ? 'dropped' : 'accepted';
        if (!isDropped && !this.#deliver(action, message, at)) {
          return { outcome, ...refuse(500, 'InternalError', 100_014, 'A listener threw.') };
        }
      }
      if (fault !== undefined && outcome === 'refused' && FAULT_KINDS[fault.kind].sendsAll) {
        throw new ApiError('InternalError', 'The message was not accepted.');
      }
      if (fault?.kind === 'error')
        throw new ApiError(fault.code, 'This error was asked for.', fault.httpStatus);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { outcome, ...refuse(error.httpStatus, error.apiCode, error.codeN, error.message) };
    }
    return {
      outcome,
      httpStatus: 200,
      body: { ResponseMetadata: metadata, Result: { Message: 'Success' } },
    };
  }

  #metadataOf(raw: RequestHead, at: Date): Metadata {
    return {
      RequestId: createRequestId(at),
      Action: parameter(raw, 'Action'),
      Version: parameter(raw, 'Version'),
      Service: 'rtc',
      Region: regionOf(raw) ?? DEFAULT_REGION,
    };
  }

  #recordUnread(request: IncomingMessage, at: Date): void {
    this.server.requests.add({
      requestId: createRequestId(at),
      at,
      method: request.method ?? '',
      url: request.url ?? '/',
      headers: {},
      body: Buffer.alloc(0),
      outcome: 'refused',
      fault: 'reset',
    });
  }

  /** Checks everything that there is to check. @throws ApiError when something is wrong */
  #admit(raw: RawRequest, at: Date): { action: RtcActionName; message: EmulatedMessage; isDropped: boolean } {
    const action = parameter(raw, 'Action');
    const version = parameter(raw, 'Version');
    if (!action || !version) throw new ApiError('MissingParameter', 'Action or Version is missing.');
    const account = authenticate(raw, this.#accounts, at.getTime(), this.#signingKeys);
    if (!isRtcActionName(action) || !VERSIONS.has(version)) {
      throw new ApiError('InvalidActionOrVersion', 'There is no such action in this version.');
    }
    if (raw.method !== 'POST') throw new ApiError('MethodNotAllowed', 'The action takes POST.');
    const isDropped = this.#spend(raw, account);
    return { action, message: readMessage(action, raw.body, account, this.#accounts), isDropped };
  }

  /** @returns whether it is lost without a word. @throws ApiError beyond the quota */
  #spend(raw: RawRequest, account: EmulatorAccount): boolean {
    const { quota, overRoomLimit, roomMessagesPerSecond } = this.options;
    // Reading a large body twice costs more than all else.
    const isPlain = quota.costPer === 'request' && roomMessagesPerSecond === Number.POSITIVE_INFINITY;
    const { roomId, to } = isPlain ? { roomId: '', to: [] } : readFaultTarget(raw);
    const users = roomId === '' ? 0 : this.state.presenceOf(roomId).participants.length;
    const full = this.#quotas.spend(account, { recipients: to.length, roomId, users });
    if (full === undefined) return false;
    if (full === 'room' && overRoomLimit === 'drop') return true;
    const what =
      full === 'room'
        ? 'messages into the room'
        : `${quota.requestsPerSecond} ${quota.costPer === 'request' ? 'requests' : 'recipients'}`;
    throw new ApiError('FlowLimitExceeded.QPSOverLimit', `More than ${what} in a second.`);
  }

  /** @returns whether none of a test's own listeners threw */
  #deliver(action: RtcActionName, sent: EmulatedMessage, at: Date): boolean {
    const { from, message, roomId } = sent;
    const presence = this.state.presenceOf(roomId);
    const present =
      sent.to === undefined
        ? presence.participants
        : sent.to
            .map((userId) => presence.participant(userId))
            .filter((participant): participant is Participant => participant !== undefined);
    this.state.accepted.add(sent, sent.to ?? present.map(({ userId }) => userId));
    if (present.length === 0) return true;
    this.#messages += 1;
    const { text, binary } = CALLBACKS[action];
    const rest = { from, at, msgid: this.#messages };
    const received: ReceivedMessage =
      typeof message === 'string' ? { event: text, message, ...rest } : { event: binary, message, ...rest };
    const count = this.state.deliveries.counterOf(sent);
    const reached: Participant[] = [];
    let isWell = true;
    for (const participant of present) {
      // A listener of another may have made this one leave.
      if (presence.participant(participant.userId) !== participant) continue;
      count(participant.userId);
      reached.push(participant);
      isWell = participant.receive(received) && isWell;
    }
    this.server.received.add(received, reached);
    return isWell;
  }
}

function errorBody(
  metadata: Metadata,
  apiCode: ApiErrorCode,
  codeN: number | undefined,
  text: string,
): DecidedAnswer['body'] {
  return { ResponseMetadata: { ...metadata, Error: { CodeN: codeN, Code: apiCode, Message: text } } };
}

function parameter(raw: RequestHead, name: string): string | undefined {
  return raw.query.find(([found]) => found === name)?.[1];
}

/** In the shape of the vendor's: the time, then what makes it unique. */
function createRequestId(at: Date): string {
  // Of a UUID, whose random bits Node fetches for many at a time, all but the group with the version.
  const [first = '', second = '', , , last = ''] = randomUUID().toUpperCase().split('-');
  const unique = `${first}${second}${last}`.slice(0, 18);
  return `${at.toISOString().slice(0, 19).replaceAll(/\D/g, '')}${unique}`;
}

/** A fault may be meant for a room or a user, whatever else is wrong with the body. */
function readFaultTarget(raw: RawRequest): FaultTarget {
  let fields: { RoomId?: unknown; To?: unknown } = {};
  try {
    fields = (JSON.parse(raw.body.toString('utf8')) ?? {}) as typeof fields;
  } catch {
    // Then it is meant for none in particular.
  }
  const { RoomId, To } = fields;
  return {
    action: parameter(raw, 'Action') ?? '',
    roomId: typeof RoomId === 'string' ? RoomId : '',
    to: (Array.isArray(To) ? To : [To]).filter((userId): userId is string => typeof userId === 'string'),
  };
}
