import { IsRtcId, IsRtcMessage } from './field.decorators.js';
import { MessageDto, type MessageRequest } from './message.dto.js';
import { openApiProperties } from './request-schemas.js';

/** One message, of at most 65,536 bytes, for one user in a room. */
export interface SendRoomUnicastRequest extends MessageRequest {
  /** 1–128 of `a-z A-Z 0-9 @ . _ -`, as all IDs. */
  readonly roomId: string;
  /** A user ID. */
  readonly to: string;
}

/** {@link SendRoomUnicastRequest} with its rules, for class-validator and an app's own controllers. */
export class SendRoomUnicastDto extends MessageDto implements SendRoomUnicastRequest {
  @IsRtcId()
  roomId!: string;

  @IsRtcId()
  to!: string;

  /** In JSON, text or (with `binary: true`) base64. Bytes can only come from the app's own code. */
  @IsRtcMessage('SendRoomUnicast')
  message!: string | Uint8Array;

  /** @internal */
  static _OPENAPI_METADATA_FACTORY(): object {
    return openApiProperties('SendRoomUnicast');
  }
}
