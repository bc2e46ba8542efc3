import type { InjectionToken } from '@nestjs/common';
import type { MessageRequest } from '../dto/requests.dto.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { BroadcastReceipt } from '../services/send-receipt.js';
import {
  getRoomBroadcastToken,
  getRoomUnicastToken,
  getUserUnicastToken,
} from '../services/service-tokens.js';

/** The methods that send, of whichever service. */
export type SendingService = Readonly<
  Record<'send' | 'batchSend', (request: MessageRequest) => Promise<BroadcastReceipt>>
>;

/** The HTTP route of an action. */
export interface ActionRoute {
  /** Path below the controller's path. A path parameter is a field of the request, and must not be in the body too. */
  readonly path: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** The token of the service of the module with this name. */
  readonly service: (name: string | undefined) => InjectionToken;
  /** The method of the service. */
  readonly method: keyof SendingService;
}

export const ACTION_ROUTES: Readonly<Record<RtcActionName, ActionRoute>> = {
  BatchSendRoomUnicast: {
    path: 'rooms/:roomId/unicast',
    summary: 'Sends one message to up to 600 users in a room',
    service: getRoomUnicastToken,
    method: 'batchSend',
  },
  SendRoomUnicast: {
    path: 'rooms/:roomId/users/:to/unicast',
    summary: 'Sends one message to one user in a room',
    service: getRoomUnicastToken,
    method: 'send',
  },
  SendBroadcast: {
    path: 'rooms/:roomId/broadcast',
    summary: 'Sends one message to everyone in a room',
    service: getRoomBroadcastToken,
    method: 'send',
  },
  SendUnicast: {
    path: 'users/:to/unicast',
    summary: 'Sends one message to one user who is logged in, in a room or not',
    service: getUserUnicastToken,
    method: 'send',
  },
};

/** The names of a path's parameters. */
export function pathParameters(path: string): readonly string[] {
  return path.match(/(?<=(^|\/):)[^/]+/g) ?? [];
}
