import type { InjectionToken } from '@nestjs/common';
import type {
  BatchSendRoomUnicastRequest,
  MessageRequest,
  RoomBroadcastRequest,
  SendRoomUnicastRequest,
  UserUnicastRequest,
} from '../dto/requests.dto.js';
import type { RtcActionName } from '../openapi/rtc-action.js';
import type { BroadcastReceipt } from '../services/send-receipt.js';
import {
  getRoomBroadcastToken,
  getRoomUnicastToken,
  getUserUnicastToken,
} from '../services/service-tokens.js';

/** The HTTP route of an action. */
export interface ActionRoute {
  /** Path below the controller's path. A path parameter is a field of the request, and must not be in the body too. */
  readonly path: string;
  /** What it does, in a sentence. */
  readonly summary: string;
  /** The token of the service of the module with this name. */
  service(name: string | undefined): InjectionToken;
  send(service: unknown, request: MessageRequest): Promise<BroadcastReceipt>;
}

export const ACTION_ROUTES: Readonly<Record<RtcActionName, ActionRoute>> = {
  BatchSendRoomUnicast: route({
    path: 'rooms/:roomId/unicast',
    summary: 'Sends one message to up to 600 users in a room',
    service: getRoomUnicastToken,
    send: (service, request: BatchSendRoomUnicastRequest) => service.batchSend(request),
  }),
  SendRoomUnicast: route({
    path: 'rooms/:roomId/users/:to/unicast',
    summary: 'Sends one message to one user in a room',
    service: getRoomUnicastToken,
    send: (service, request: SendRoomUnicastRequest) => service.send(request),
  }),
  SendBroadcast: route({
    path: 'rooms/:roomId/broadcast',
    summary: 'Sends one message to everyone in a room',
    service: getRoomBroadcastToken,
    send: (service, request: RoomBroadcastRequest) => service.send(request),
  }),
  SendUnicast: route({
    path: 'users/:to/unicast',
    summary: 'Sends one message to one user who is logged in, in a room or not',
    service: getUserUnicastToken,
    send: (service, request: UserUnicastRequest) => service.send(request),
  }),
};

/** The names of a path's parameters. */
export function pathParameters(path: string): readonly string[] {
  return path
    .split('/')
    .filter((part) => part.startsWith(':'))
    .map((part) => part.slice(1));
}

/** Makes the compiler check that a route's parts fit each other, which a type of the whole table can't express. */
function route<R extends MessageRequest, S>(parts: {
  readonly path: string;
  readonly summary: string;
  service(name: string | undefined): InjectionToken<S>;
  send(service: S, request: R): Promise<BroadcastReceipt>;
}): ActionRoute {
  return parts as unknown as ActionRoute;
}
