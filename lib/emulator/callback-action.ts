import type { RoomEventType } from './room-events.js';

/** The client SDK's methods by which a client sends to the business server. */
export const SERVER_MESSAGE_METHODS = ['sendServerMessage', 'sendServerBinaryMessage'] as const;

/** One of the client SDK's methods by which a client sends to the business server. */
export type ServerMessageMethod = (typeof SERVER_MESSAGE_METHODS)[number];

/** What is posted to the business server: an event, or a client's message. */
export type CallbackAction = RoomEventType | ServerMessageMethod;
