/**
 * An event of a room, by the names of the vendor's pages (6348/69820, BytePlus 75125). `RoomCreate` stands on no page
 * that could be read: its name follows its family.
 */
export type RoomEventType =
  | 'UserJoinRoom'
  | 'UserLeaveRoom'
  | 'InvisibleUserJoinRoom'
  | 'InvisibleUserLeaveRoom'
  | 'RoomCreate'
  | 'RoomDestroy';

/** One of the client SDK's methods by which a client sends to the business server. */
export type ServerMessageMethod = 'sendServerMessage' | 'sendServerBinaryMessage';

/** What is posted to the business server: an event, or a client's message. */
export type CallbackAction = RoomEventType | ServerMessageMethod;

/** Whether it is an event. The compiler finds one that is missing. */
const ACTIONS: Readonly<Record<CallbackAction, boolean>> = {
  UserJoinRoom: true,
  UserLeaveRoom: true,
  InvisibleUserJoinRoom: true,
  InvisibleUserLeaveRoom: true,
  RoomCreate: true,
  RoomDestroy: true,
  sendServerMessage: false,
  sendServerBinaryMessage: false,
};

export function isRoomEventType(action: CallbackAction): action is RoomEventType {
  return ACTIONS[action];
}

export function isCallbackAction(name: unknown): name is CallbackAction {
  return typeof name === 'string' && Object.hasOwn(ACTIONS, name);
}

/** What is to be posted. */
export interface Callback {
  readonly action: CallbackAction;
  readonly roomId: string | undefined;
  readonly userId: string | undefined;
  readonly url: URL;
  readonly body: Readonly<Record<string, string | boolean>>;
}

/** Which of the body's fields is the signature. */
export function signatureFieldOf({ action }: Pick<Callback, 'action'>): 'Signature' | 'signature' {
  return isRoomEventType(action) ? 'Signature' : 'signature';
}
