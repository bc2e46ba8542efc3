import type { RoomEventType } from './room-events.js';

/** One of the client SDK's methods by which a client sends to the business server. */
export type ServerMessageMethod = 'sendServerMessage' | 'sendServerBinaryMessage';

/** What is posted to the business server: an event, or a client's message. */
export type CallbackAction = RoomEventType | ServerMessageMethod;

/** The compiler finds one that is missing. */
const ACTIONS: Readonly<Record<CallbackAction, true>> = {
  UserJoinRoom: true,
  UserLeaveRoom: true,
  InvisibleUserJoinRoom: true,
  InvisibleUserLeaveRoom: true,
  RoomCreate: true,
  RoomDestroy: true,
  sendServerMessage: true,
  sendServerBinaryMessage: true,
};

export function isCallbackAction(name: unknown): name is CallbackAction {
  return typeof name === 'string' && Object.hasOwn(ACTIONS, name);
}
