const EVENTS = [
  'UserJoinRoom',
  'UserLeaveRoom',
  'InvisibleUserJoinRoom',
  'InvisibleUserLeaveRoom',
  'RoomCreate',
  'RoomDestroy',
] as const;
const METHODS = ['sendServerMessage', 'sendServerBinaryMessage'] as const;

/**
 * An event of a room, by the names of the vendor's pages (6348/69820, BytePlus 75125). `RoomCreate` stands on no page
 * that could be read: its name follows its family.
 */
export type RoomEventType = (typeof EVENTS)[number];

/** One of the client SDK's methods by which a client sends to the business server. */
export type ServerMessageMethod = (typeof METHODS)[number];

/** What is posted to the business server: an event, or a client's message. */
export type CallbackAction = RoomEventType | ServerMessageMethod;

export function isRoomEventType(name: unknown): name is RoomEventType {
  return (EVENTS as readonly unknown[]).includes(name);
}

export function isCallbackAction(name: unknown): name is CallbackAction {
  return isRoomEventType(name) || (METHODS as readonly unknown[]).includes(name);
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
