import { IsRtcId, IsRtcMessage } from './field.decorators.js';
import { MessageDto, type MessageRequest } from './message.dto.js';
import { openApiProperties } from './request-schemas.js';

/** One message, of at most 65,536 bytes, for everyone in a room. */
export interface RoomBroadcastRequest extends MessageRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly roomId: string;
}

/** {@link RoomBroadcastRequest} with its rules, for class-validator and an app's own controllers. */
export class RoomBroadcastDto extends MessageDto implements RoomBroadcastRequest {
  @IsRtcId()
  roomId!: string;

  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  @IsRtcMessage('SendBroadcast')
  message!: string | Uint8Array;

  /** @internal */
  static _OPENAPI_METADATA_FACTORY(): object {
    return openApiProperties('SendBroadcast');
  }
}
