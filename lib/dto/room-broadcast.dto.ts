import { IsRtcId, IsRtcMessage } from './field.decorators.js';
import { MessageDto, type MessageRequest } from './message.dto.js';

/** One message, of at most 65,536 bytes, for everyone in a room. */
export interface RoomBroadcastRequest extends MessageRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly roomId: string;
}

/** {@link RoomBroadcastRequest} with its rules, for class-validator and an app's own controllers. */
export class RoomBroadcastDto extends MessageDto implements RoomBroadcastRequest {
  @IsRtcId()
  roomId!: string;

  @IsRtcMessage('SendBroadcast')
  message!: string | Uint8Array;
}
