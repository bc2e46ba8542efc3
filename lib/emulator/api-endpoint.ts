import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EmulatorAccount } from './account.js';
import { ApiError } from './api-error.js';
import { authenticate } from './authenticate.js';
import { readBatchSendRoomUnicast } from './batch-send-room-unicast.js';
import type { DeliveryRecord } from './delivery-record.js';
import type { EmulatorClock } from './emulator-clock.js';
import type { ReceivedMessage } from './participant.js';
import { QuotaWindow } from './quota-window.js';
import { type RawRequest, readRawRequest } from './raw-request.js';
import type { RecordedRequest } from './request-log.js';
import type { Room } from './room.js';
import type { ResolvedEmulatorOptions } from './rtc-emulator-options.js';
import { sendJson } from './send-json.js';

/** What the API acts upon. */
export interface ApiState {
  readonly accounts: readonly EmulatorAccount[];
  readonly clock: EmulatorClock;
  readonly deliveries: DeliveryRecord;
  room(roomId: string): Room;
}

/** The largest legal request is about a tenth of this. */
const MAX_BODY_BYTES = 1_048_576;
const ACTIONS = new Set(['BatchSendRoomUnicast']);
const VERSIONS = new Set(['2023-07-20', '2020-12-01']);
/** Whoever sends here under one of these names meant the real service. */
const PRODUCTION_HOST = /\.(volcengineapi|byteplusapi)\.com(:\d+)?$/i;

/** The remote API itself: `POST /?Action=…&Version=…`. */
export class ApiEndpoint {
  readonly #quotas = new Map<EmulatorAccount, QuotaWindow>();

  constructor(
    private readonly state: ApiState,
    private readonly options: ResolvedEmulatorOptions,
    private readonly record: (request: RecordedRequest) => void,
  ) {}

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const at = new Date(this.state.clock.now());
    response.setHeader('Date', at.toUTCString());
    if (PRODUCTION_HOST.test(request.headers.host ?? '')) {
      sendJson(response, 421, {
        error: "This is an emulator; it does not stand in under the service's own name.",
      });
      return;
    }
    let raw: RawRequest;
    try {
      raw = await readRawRequest(request, MAX_BODY_BYTES);
    } catch {
      // Too large, or broken off half way: either way there is no request to answer.
      sendJson(response, 413, { error: `The body is larger than ${MAX_BODY_BYTES} bytes.` }, { close: true });
      return;
    }
    const requestId = createRequestId(at);
    const metadata = {
      RequestId: requestId,
      Action: parameter(raw, 'Action'),
      Version: parameter(raw, 'Version'),
      Service: 'rtc',
    };
    const log = (outcome: 'accepted' | 'refused', httpStatus: number, apiCode?: string): void =>
      this.record({
        requestId,
        at,
        method: raw.method,
        url: request.url ?? '/',
        headers: Object.fromEntries(raw.headers),
        body: raw.body,
        outcome,
        httpStatus,
        ...(apiCode !== undefined && { apiCode }),
      });
    try {
      const region = this.#perform(raw, at);
      log('accepted', 200);
      sendJson(response, 200, {
        ResponseMetadata: { ...metadata, Region: region },
        Result: { Message: 'Success' },
      });
    } catch (error) {
      if (!(error instanceof ApiError)) {
        // A test's own listener threw: the sender is answered, and the error surfaces as unhandled.
        sendJson(response, 500, {
          ResponseMetadata: {
            ...metadata,
            Error: { CodeN: 100_014, Code: 'InternalError', Message: 'InternalError' },
          },
        });
        throw error;
      }
      const { httpStatus, apiCode, codeN, message } = error;
      log('refused', httpStatus, apiCode);
      sendJson(response, httpStatus, {
        ResponseMetadata: { ...metadata, Error: { CodeN: codeN, Code: apiCode, Message: message } },
      });
    }
  }

  /** @returns the region that the request was signed for */
  #perform(raw: RawRequest, at: Date): string {
    const action = parameter(raw, 'Action');
    const version = parameter(raw, 'Version');
    if (!action || !version) throw new ApiError('MissingParameter', 'Action or Version is missing.');
    const { account, region } = authenticate(raw, this.state.accounts, at.getTime());
    if (!ACTIONS.has(action) || !VERSIONS.has(version)) {
      throw new ApiError('InvalidActionOrVersion', 'There is no such action in this version.');
    }
    if (raw.method !== 'POST') throw new ApiError('MethodNotAllowed', 'The action takes POST.');
    if (!this.#quotaOf(account).admit()) {
      throw new ApiError(
        'FlowLimitExceeded.QPSOverLimit',
        `More than ${this.options.requestsPerSecond} requests in a second.`,
      );
    }
    const unicast = readBatchSendRoomUnicast(raw.body, account, this.state.accounts);
    this.state.deliveries.add(unicast);
    const { from, message } = unicast;
    const received: ReceivedMessage =
      typeof message === 'string'
        ? { event: 'onUserMessageReceived', from, message, at }
        : { event: 'onUserBinaryMessageReceived', from, message, at };
    const room = this.state.room(unicast.roomId);
    for (const userId of unicast.to) room.deliver(userId, received);
    return region;
  }

  #quotaOf(account: EmulatorAccount): QuotaWindow {
    let quota = this.#quotas.get(account);
    if (quota === undefined) {
      quota = new QuotaWindow(this.options.requestsPerSecond, this.options.quotaWindow);
      this.#quotas.set(account, quota);
    }
    return quota;
  }
}

function parameter(raw: RawRequest, name: string): string | undefined {
  return raw.query.find(([found]) => found === name)?.[1];
}

/** In the shape of the vendor's: the time, then what makes it unique. */
function createRequestId(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/\D/g, '')}${randomBytes(9).toString('hex').toUpperCase()}`;
}
