import { resolveSettings } from '../config/resolve-settings.js';
import { checkApiRequest } from '../dto/check-api-request.js';
import { checkRequest } from '../dto/check-request.js';
import { FAN_OUT_OPTIONS, SEND_EACH_OPTIONS } from '../fan-out/fan-out-options.js';
import { requireSource, validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { HealthRecord } from '../health/health-record.js';
import { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { ActionCaller } from '../services/action-caller.js';
import { RoomBroadcastService } from '../services/room-broadcast.service.js';
import {
  ONLINE_USERS_QUESTION,
  RoomPresenceService,
  STATUS_QUESTION,
} from '../services/room-presence.service.js';
import type { ReceiptTracker } from '../services/receipt-tracker.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import { OPEN_API_OPTIONS, RtcOpenApiService } from '../services/rtc-open-api.service.js';
import { RtcTokenService } from '../services/rtc-token.service.js';
import { UserUnicastService } from '../services/user-unicast.service.js';
import { SEND_OPTIONS } from '../services/send-options.js';
import { AcceptingSender } from './accepting-sender.js';
import { createMock, type MockedMethods } from './create-mock.js';

/** The test's own functions, by service. */
export interface RtcMessagingMocks {
  /** For `RoomUnicastService`. */
  readonly roomUnicast?: MockedMethods<RoomUnicastService> | undefined;
  /** For `RoomBroadcastService`. */
  readonly roomBroadcast?: MockedMethods<RoomBroadcastService> | undefined;
  /** For `UserUnicastService`. */
  readonly userUnicast?: MockedMethods<UserUnicastService> | undefined;
  /** For `RoomPresenceService`: by default, it knows of no one, and says so (`complete` is false). */
  readonly presence?: MockedMethods<RoomPresenceService> | undefined;
  /** For `RtcOpenApiService`: by default, every `Result` is undefined. */
  readonly openApi?: MockedMethods<RtcOpenApiService> | undefined;
  /** For `RtcTokenService`. */
  readonly tokens?: MockedMethods<RtcTokenService> | undefined;
  /** For `RtcHealthIndicator`. */
  readonly health?: MockedMethods<RtcHealthIndicator> | undefined;
}

/** Any receipt may be asked for, and none comes. */
const NO_RECEIPTS: ReceiptTracker = {
  requireRoom: async () => undefined,
  track: (_message, _to, plan, send) => send(plan),
};

type Check = (...given: unknown[]) => unknown;

/** Checks the request of a method, and its options by their table. */
const takes =
  (table: object, check: (request: unknown) => unknown): Check =>
  (request, options = {}) => {
    check(request);
    checkCallOptions(table, options);
  };
const sends = (action: RtcActionName): Check =>
  takes(SEND_OPTIONS, (request) => checkRequest(action, request));

/** The real services with a sender that accepts everything, so that mocks return the same answers. */
export function createMocks(name: string | undefined, mocks: RtcMessagingMocks) {
  const settings = resolveSettings(
    {
      appId: 'test-app',
      appKey: 'test-app-key',
      from: 'server',
      credentials: { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' },
    },
    {},
    { name },
  );
  const sender = new AcceptingSender(settings);
  const caller = new ActionCaller(settings, sender, NO_RECEIPTS);
  const roomUnicast = new RoomUnicastService(caller, settings, sender);
  const tokens = new RtcTokenService(settings);
  const health = new RtcHealthIndicator(sender, new HealthRecord());
  const checkThresholds: Check = (thresholds) => health.status(thresholds as never);
  return {
    roomUnicast: createMock<RoomUnicastService>(
      roomUnicast,
      {
        batchSend: sends('BatchSendRoomUnicast'),
        send: sends('SendRoomUnicast'),
        fanOut: takes(FAN_OUT_OPTIONS, (request) => validateFanOutRequest(request as never, true)),
        sendEach: takes(SEND_EACH_OPTIONS, (messages) => requireSource('messages', 'requests', messages)),
        estimate: (...given) => roomUnicast.estimate(...(given as [number])),
      },
      mocks.roomUnicast,
    ),
    roomBroadcast: createMock<RoomBroadcastService>(
      new RoomBroadcastService(caller),
      { send: sends('SendBroadcast') },
      mocks.roomBroadcast,
    ),
    userUnicast: createMock<UserUnicastService>(
      new UserUnicastService(caller),
      { send: sends('SendUnicast') },
      mocks.userUnicast,
    ),
    presence: createMock<RoomPresenceService>(
      new RoomPresenceService(sender, settings),
      {
        onlineUsers: takes(OPEN_API_OPTIONS, (roomId) =>
          checkCallOptions(ONLINE_USERS_QUESTION, { roomId }, ''),
        ),
        statusOf: (roomId, userIds, options) =>
          takes(OPEN_API_OPTIONS, (question) => checkCallOptions(STATUS_QUESTION, question, ''))(
            { roomId, userIds },
            options,
          ),
      },
      mocks.presence,
    ),
    openApi: {
      ...createMock<Pick<RtcOpenApiService, 'request'>>(
        new RtcOpenApiService(sender, settings),
        { request: takes(OPEN_API_OPTIONS, (request) => checkApiRequest(request as never)) },
        mocks.openApi,
      ),
      axiosRef: sender.axiosRef,
    },
    tokens: createMock<RtcTokenService>(
      tokens,
      {
        issueJoinToken: (request) => tokens.issueJoinToken(request as never),
        issueLoginToken: (request) => tokens.issueLoginToken(request as never),
      },
      mocks.tokens,
    ),
    health: createMock<RtcHealthIndicator>(
      health,
      { check: (_key, thresholds) => checkThresholds(thresholds), status: checkThresholds },
      mocks.health,
    ),
  };
}
