import { Body, Controller, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import { RtcExceptionFilter } from 'nestjs-rtc-messaging';
import { ApiKeyGuard } from '../auth/api-key.guard.js';
import { ClassroomService } from './classroom.service.js';
import { StartClassDto } from './start-class.dto.js';

@Controller('classes')
@UseGuards(ApiKeyGuard)
// Answers a message that breaks a rule with 400, one that the service refuses with 502, and so on.
@UseFilters(RtcExceptionFilter)
export class ClassroomController {
  constructor(private readonly classroom: ClassroomService) {}

  @Post(':roomId/start')
  @HttpCode(200)
  async start(
    @Param('roomId') roomId: string,
    @Body() { title, students }: StartClassDto,
  ): Promise<{ announcedTo: number; requestId: string }> {
    const { recipients, requestId } = await this.classroom.announceStart(roomId, title, students);
    return { announcedTo: recipients, requestId };
  }
}
