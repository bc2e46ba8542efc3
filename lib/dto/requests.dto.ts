import { RequestRules } from './request-rules.js';

/** Fields of every message. */
export interface MessageRequest {
  /**
   * The message. A string is sent as text, a `Uint8Array` as binary. With `binary: true`, a string must be base64. The
   * largest size (UTF-8 bytes of text, decoded bytes of binary) depends on the action.
   */
  readonly message: string | Uint8Array;
  /** The sender's ID that clients see. Default: the module's `from`. */
  readonly from?: string | undefined;
  /** Default: true for a `Uint8Array`, false for a string. */
  readonly binary?: boolean | undefined;
}

/** One message, of at most 20,480 bytes, for up to 600 users in a room. */
export interface BatchSendRoomUnicastRequest extends RoomBroadcastRequest {
  /** 1–600 user IDs. Duplicates are removed. */
  readonly to: readonly string[];
}

/** {@link BatchSendRoomUnicastRequest} with its rules, for class-validator and an app's own controllers. */
@RequestRules('BatchSendRoomUnicast')
export class BatchSendRoomUnicastDto implements BatchSendRoomUnicastRequest {
  roomId!: string;
  to!: string[];
  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  message!: string | Uint8Array;
  binary?: boolean | undefined;
}

/** One message, of at most 65,536 bytes, for one user in a room. */
export interface SendRoomUnicastRequest extends RoomBroadcastRequest, UserUnicastRequest {}

/** {@link SendRoomUnicastRequest} with its rules, for class-validator and an app's own controllers. */
@RequestRules('SendRoomUnicast')
export class SendRoomUnicastDto implements SendRoomUnicastRequest {
  roomId!: string;
  to!: string;
  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  message!: string | Uint8Array;
  binary?: boolean | undefined;
}

/** One message, of at most 65,536 bytes, for everyone in a room. */
export interface RoomBroadcastRequest extends MessageRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly roomId: string;
}

/** {@link RoomBroadcastRequest} with its rules, for class-validator and an app's own controllers. */
@RequestRules('SendBroadcast')
export class RoomBroadcastDto implements RoomBroadcastRequest {
  roomId!: string;
  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  message!: string | Uint8Array;
  binary?: boolean | undefined;
}

/** One message, of at most 65,536 bytes, for one user who is logged in, in a room or not. */
export interface UserUnicastRequest extends MessageRequest {
  /** A user ID: 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly to: string;
}

/** {@link UserUnicastRequest} with its rules, for class-validator and an app's own controllers. */
@RequestRules('SendUnicast')
export class UserUnicastDto implements UserUnicastRequest {
  to!: string;
  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  message!: string | Uint8Array;
  binary?: boolean | undefined;
}
