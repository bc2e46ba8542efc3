import type { PipeTransform } from '@nestjs/common';
import { BatchSendRoomUnicastDto } from '../dto/batch-send-room-unicast.dto.js';
import { validateRequest } from '../dto/validate-request.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';

/** The parts of an HTTP request that a message is made from. */
export interface RoomUnicastHttpRequest {
  readonly roomId: unknown;
  readonly body: unknown;
}

/** The controller's own validation pipe: it depends on none of the app's, and refuses unknown properties. */
export class RoomUnicastRequestPipe implements PipeTransform<
  RoomUnicastHttpRequest,
  BatchSendRoomUnicastDto
> {
  constructor(private readonly allowFrom: boolean) {}

  transform({ roomId, body }: RoomUnicastHttpRequest): BatchSendRoomUnicastDto {
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      throw new RtcValidationError([
        { path: 'body', message: 'must be a JSON object, sent with Content-Type: application/json' },
      ]);
    }
    if (Object.hasOwn(body, 'roomId')) {
      throw new RtcValidationError([{ path: 'roomId', message: 'belongs in the path, not in the body' }]);
    }
    if (!this.allowFrom && Object.hasOwn(body, 'from')) {
      throw new RtcValidationError([{ path: 'from', message: 'may not be chosen by the caller' }]);
    }
    return validateRequest(BatchSendRoomUnicastDto, { ...body, roomId });
  }
}
