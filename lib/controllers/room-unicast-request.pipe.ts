import type { PipeTransform } from '@nestjs/common';
import { BatchSendRoomUnicastDto } from '../dto/batch-send-room-unicast.dto.js';
import { validateRequest } from '../dto/validate-request.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';

/** The parts of an HTTP request that a message is made from. */
export interface RoomUnicastHttpRequest {
  readonly roomId: unknown;
  readonly contentType: string | undefined;
  readonly body: unknown;
}

/**
 * Nest parses forms too. A page of another site can post a form with its visitor's cookies without asking, but
 * not JSON.
 */
const JSON_TYPE = /^application\/json\s*(;|$)/i;

/** The controller's own validation pipe: it depends on none of the app's, and refuses unknown properties. */
export class RoomUnicastRequestPipe implements PipeTransform<
  RoomUnicastHttpRequest,
  BatchSendRoomUnicastDto
> {
  constructor(private readonly allowFrom: boolean) {}

  transform({ roomId, contentType, body }: RoomUnicastHttpRequest): BatchSendRoomUnicastDto {
    const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
    if (!isObject || !JSON_TYPE.test(contentType ?? '')) {
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
