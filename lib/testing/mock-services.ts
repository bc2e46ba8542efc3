import { resolveSettings } from '../config/resolve-settings.js';
import { BatchSendRoomUnicastDto } from '../dto/batch-send-room-unicast.dto.js';
import type { MessageRequest } from '../dto/message.dto.js';
import { RoomBroadcastDto } from '../dto/room-broadcast.dto.js';
import { SendRoomUnicastDto } from '../dto/send-room-unicast.dto.js';
import { UserUnicastDto } from '../dto/user-unicast.dto.js';
import { validateRequest } from '../dto/validate-request.js';
import { checkFanOutOptions } from '../fan-out/check-fan-out-options.js';
import { validateFanOutRequest } from '../fan-out/validate-fan-out-request.js';
import { HealthRecord } from '../health/health-record.js';
import { RtcHealthIndicator } from '../health/rtc-health.indicator.js';
import { ActionCaller } from '../services/action-caller.js';
import { checkSendOptions } from '../services/check-send-options.js';
import { RoomBroadcastService } from '../services/room-broadcast.service.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import { UserUnicastService } from '../services/user-unicast.service.js';
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

/** The services themselves, over a sender that accepts everything, so that nothing they say is made up elsewhere. */
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
        batchSend: checkSend(BatchSendRoomUnicastDto),
        send: checkSend(SendRoomUnicastDto),
        fanOut: (request, options = {}) => {
          validateFanOutRequest(request as never);
          checkFanOutOptions(options as never);
        },
        estimate: (...given) => roomUnicast.estimate(...(given as [number])),
      },
      mocks.roomUnicast,
    ),
    roomBroadcast: createMock<RoomBroadcastService>(
      new RoomBroadcastService(caller),
      { send: checkSend(RoomBroadcastDto) },
      mocks.roomBroadcast,
    ),
    userUnicast: createMock<UserUnicastService>(
      new UserUnicastService(caller),
      { send: checkSend(UserUnicastDto) },
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

function checkSend(dto: new () => MessageRequest): (request: unknown, options?: unknown) => void {
  return (request, options = {}) => {
    validateRequest(dto, request as never);
    checkSendOptions(options as never);
  };
}
