import { createHash, randomInt, randomUUID } from 'node:crypto';
import type { RtcEventType } from '../callbacks/rtc-callback-event.js';

/** One of the client SDK's methods by which a client sends to the business server. */
export type ServerMessageMethod = 'sendServerMessage' | 'sendServerBinaryMessage';

/** What is posted to the business server: an event, or a client's message. */
export type CallbackAction = RtcEventType | ServerMessageMethod;

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

export function isRoomEventType(action: CallbackAction): action is RtcEventType {
  return ACTIONS[action];
}

export function isCallbackAction(name: unknown): name is CallbackAction {
  return typeof name === 'string' && Object.hasOwn(ACTIONS, name);
}

/** What a callback is about. */
export interface CallbackSubject {
  /** An event's type, or the client SDK's method. */
  readonly action: CallbackAction;
  /** Undefined for a message of a client outside of rooms. */
  readonly roomId: string | undefined;
  /** Undefined for an event of a room as a whole. */
  readonly userId: string | undefined;
}

/** What is to be posted. */
export interface Callback extends CallbackSubject {
  readonly url: URL;
  readonly body: Readonly<Record<string, string | boolean>>;
}

/** Which of the body's fields is the signature. */
export function signatureFieldOf({ action }: Pick<Callback, 'action'>): 'Signature' | 'signature' {
  return isRoomEventType(action) ? 'Signature' : 'signature';
}

/** Why a user left, as the vendor has it. The name of the last follows the client SDK's `ErrorCodeDuplicateLogin`. */
export type LeaveReason = 'userLeave' | 'connectionLost' | 'onUserTokenDidExpire' | 'duplicateLogin';

const VERSION = '2020-12-01';
/** Clients of the emulator have no device; over WebSocket they are as good as the Web SDK's. */
const DEVICE_TYPE = 'web';
/** The vendor's time has nine digits after the second. */
const MICRO_AND_NANOSECONDS = '000000Z';

/** The body of an event, whose fields are all strings, signed. */
export function eventBody(
  { action, roomId, userId }: CallbackSubject,
  reason: LeaveReason | undefined,
  { appId, secret, at }: { readonly appId: string; readonly secret: string; readonly at: Date },
): Record<string, string> {
  const ofUser = userId === undefined ? {} : { UserId: userId, DeviceType: DEVICE_TYPE, Reason: reason };
  const fields = {
    EventType: action,
    EventData: JSON.stringify({ RoomId: roomId, ...ofUser, Timestamp: at.getTime() }),
    EventTime: at.toISOString().replace('Z', MICRO_AND_NANOSECONDS),
    EventId: randomUUID(),
    AppId: appId,
    Version: VERSION,
    Nonce: String(randomInt(10_000)).padStart(4, '0'),
  };
  return { ...fields, Signature: signatureOf(Object.values(fields), secret) };
}

/** By the vendor's rule: the values and the secret, sorted by their bytes and joined without anything between. */
function signatureOf(values: readonly string[], secret: string): string {
  const sorted = [...values, secret].map((value) => Buffer.from(value)).sort(Buffer.compare);
  return createHash('sha256').update(Buffer.concat(sorted)).digest('hex');
}
