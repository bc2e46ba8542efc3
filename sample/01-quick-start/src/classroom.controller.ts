import { Body, Controller, HttpCode, Param, Post, UseFilters } from '@nestjs/common';
import { ArrayNotEmpty, IsString, Length } from 'class-validator';
import { RtcExceptionFilter } from 'nestjs-rtc-messaging';
import { ClassroomService, type Reached } from './classroom.service.js';

class StartClassDto {
  @IsString()
  @Length(1, 200)
  title!: string;

  /** The library checks each ID. */
  @ArrayNotEmpty()
  @IsString({ each: true })
  students!: string[];
}

// Anyone who reaches this app can send: add the guard that the rest of your app uses.
@Controller('classes')
// Answers 400 for an invalid message, 502 when the service refuses it, 504 when the outcome is unknown.
@UseFilters(RtcExceptionFilter)
export class ClassroomController {
  constructor(private readonly classroom: ClassroomService) {}

  @Post(':roomId/start')
  @HttpCode(200)
  start(@Param('roomId') roomId: string, @Body() { title, students }: StartClassDto): Promise<Reached> {
    return this.classroom.announceStart(roomId, title, students);
  }
}
