import {
  Controller,
  createParamDecorator,
  type ExecutionContext,
  HttpCode,
  Post,
  type Type,
  UseFilters,
  UseGuards,
} from '@nestjs/common';
import type { IncomingHttpHeaders } from 'node:http';
import type { BatchSendRoomUnicastRequest } from '../dto/batch-send-room-unicast.dto.js';
import { RoomUnicastService } from '../services/room-unicast.service.js';
import type { SendReceipt } from '../services/send-receipt.js';
import { DEFAULT_CONTROLLER_PATH, type RtcControllerOptions } from './controller-options.js';
import { type RoomUnicastHttpRequest, RoomUnicastRequestPipe } from './room-unicast-request.pipe.js';
import { RtcExceptionFilter } from './rtc-exception.filter.js';

const HttpRequestParts = createParamDecorator((_data: unknown, context: ExecutionContext) => {
  const { params, headers, body } = context.switchToHttp().getRequest<{
    params: { roomId: string };
    headers: IncomingHttpHeaders;
    body: unknown;
  }>();
  return {
    roomId: params.roomId,
    contentType: headers['content-type'],
    body,
  } satisfies RoomUnicastHttpRequest;
});

/**
 * Makes a controller class of its own for each registration, so that two modules can have two paths and two
 * sets of guards: Nest keeps both on the class.
 */
export function createRoomUnicastController(options: RtcControllerOptions): Type<unknown> {
  @Controller(options.path ?? DEFAULT_CONTROLLER_PATH)
  @UseGuards(...(options.guards ?? []))
  @UseFilters(RtcExceptionFilter)
  class RoomUnicastController {
    constructor(private readonly roomUnicast: RoomUnicastService) {}

    @Post('rooms/:roomId/unicast')
    @HttpCode(200)
    batchSend(
      @HttpRequestParts(new RoomUnicastRequestPipe(options.allowFrom ?? false))
      request: BatchSendRoomUnicastRequest,
    ): Promise<SendReceipt> {
      return this.roomUnicast.batchSend(request);
    }
  }
  return RoomUnicastController;
}
