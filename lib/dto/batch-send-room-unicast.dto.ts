import { IsRecipientList, IsRtcId, IsRtcMessage } from './field.decorators.js';
import { MessageDto, type MessageRequest } from './message.dto.js';
import { openApiProperties } from './request-schemas.js';

/** One message, of at most 20,480 bytes, for up to 600 users in a room. */
export interface BatchSendRoomUnicastRequest extends MessageRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly roomId: string;
  /** 1–600 user IDs. Repeated ones are sent to once. */
  readonly to: readonly string[];
}

/** {@link BatchSendRoomUnicastRequest} with its rules, for class-validator and an app's own controllers. */
export class BatchSendRoomUnicastDto extends MessageDto implements BatchSendRoomUnicastRequest {
  @IsRtcId()
  roomId!: string;

  @IsRecipientList()
  to!: string[];

  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  @IsRtcMessage('BatchSendRoomUnicast')
  message!: string | Uint8Array;

  /** @internal */
  static _OPENAPI_METADATA_FACTORY(): object {
    return openApiProperties('BatchSendRoomUnicast');
  }
}
