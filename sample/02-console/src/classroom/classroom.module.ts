import { Module } from '@nestjs/common';
import { ClassroomController } from './classroom.controller.js';
import { ClassroomService } from './classroom.service.js';
import { HandsService } from './hands.service.js';

@Module({
  controllers: [ClassroomController],
  providers: [ClassroomService, HandsService],
  exports: [HandsService],
})
export class ClassroomModule {}
