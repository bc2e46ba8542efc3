import { IsBoolean } from 'class-validator';
import { IsRecipientList, IsRtcId, IsRtcMessage, MayBeLeftOut } from './field.decorators.js';

/** One message for up to 600 users in a room. */
export interface BatchSendRoomUnicastRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly roomId: string;
  /** 1–600 user IDs. Repeated ones are sent to once. */
  readonly to: readonly string[];
  /**
   * A string is sent as text, a `Uint8Array` as binary. With `binary: true` a string is taken as base64.
   * At most 20,480 bytes: of UTF-8 for text, decoded for binary.
   */
  readonly message: string | Uint8Array;
  /** The sender's ID that clients see. Default: the module's `from`. */
  readonly from?: string;
  /** Default: true for a `Uint8Array`, false for a string. */
  readonly binary?: boolean;
}

/** {@link BatchSendRoomUnicastRequest} with its rules, for class-validator and an app's own controllers. */
export class BatchSendRoomUnicastDto implements BatchSendRoomUnicastRequest {
  @IsRtcId()
  roomId!: string;

  @IsRecipientList()
  to!: string[];

  @IsRtcMessage()
  message!: string | Uint8Array;

  @MayBeLeftOut()
  @IsRtcId()
  from?: string;

  @MayBeLeftOut()
  @IsBoolean({ message: 'binary: must be true or false' })
  binary?: boolean;
}
