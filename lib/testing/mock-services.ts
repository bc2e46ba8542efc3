import { resolveSettings } from '../config/resolve-settings.js';
import { checkRequest } from '../dto/check-request.js';
import { FAN_OUT_OPTIONS } from '../fan-out/fan-out-options.js';
import { validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { HealthRecord } from '../health/health-record.js';
import { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { ActionCaller } from '../services/action-caller.js';
import { RoomBroadcastService } from '../services/room-broadcast.service.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
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
  /** For `RtcHealthIndicator`. */
  readonly health?: MockedMethods<RtcHealthIndicator> | undefined;
}

/** The real services with a sender that accepts everything, so that mocks return the same answers. */
export function createMocks(name: string | undefined, mocks: RtcMessagingMocks) {
  const settings = resolveSettings(
    {
      appId: 'test-app',
      from: 'server',
      credentials: { accessKeyId: 'test-access-key', secretAccessKey: 'test-secret-key' },
    },
    {},
    { name, problems: [], needsFrom: false, routes: [] },
  );
  const sender = new AcceptingSender(settings);
  const caller = new ActionCaller(settings, sender);
  const roomUnicast = new RoomUnicastService(caller, settings, sender);
  const health = new RtcHealthIndicator(sender, new HealthRecord());
  return {
    roomUnicast: createMock<RoomUnicastService>(
      roomUnicast,
      {
        batchSend: checkSend('BatchSendRoomUnicast'),
        send: checkSend('SendRoomUnicast'),
        fanOut: (request, options = {}) => {
          validateFanOutRequest(request as never);
          checkCallOptions(FAN_OUT_OPTIONS, options);
        },
        estimate: (...given) => roomUnicast.estimate(...(given as [number])),
      },
      mocks.roomUnicast,
    ),
    roomBroadcast: createMock<RoomBroadcastService>(
      new RoomBroadcastService(caller),
      { send: checkSend('SendBroadcast') },
      mocks.roomBroadcast,
    ),
    userUnicast: createMock<UserUnicastService>(
      new UserUnicastService(caller),
      { send: checkSend('SendUnicast') },
      mocks.userUnicast,
    ),
    health: createMock<Omit<RtcHealthIndicator, 'onModuleDestroy'>>(
      health,
      {
        check: (_key, thresholds) => health.status(thresholds as never),
        status: (thresholds) => health.status(thresholds as never),
      },
      mocks.health,
    ),
  };
}

function checkSend(action: RtcActionName): (request: unknown, options?: unknown) => void {
  return (request, options = {}) => {
    checkRequest(action, request);
    checkCallOptions(SEND_OPTIONS, options);
  };
}
