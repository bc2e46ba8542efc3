import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { ClassroomController } from './classroom.controller.js';
import { ClassroomService } from './classroom.service.js';

@Module({
  imports: [
    // Reads .env, see .env.example.
    ConfigModule.forRoot(),
    // No options: they come from the environment.
    RtcMessagingModule.forRoot(),
  ],
  controllers: [ClassroomController],
  providers: [ClassroomService],
})
export class AppModule {}
