import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { ApiKeyGuard } from './auth/api-key.guard.js';
import { ClassroomModule } from './classroom/classroom.module.js';
import { ConsoleModule } from './console/console.module.js';

@Module({
  imports: [
    // Reads .env, see .env.example. Global, since ApiKeyGuard injects ConfigService.
    ConfigModule.forRoot({ isGlobal: true }),
    // No options: all of them come from the environment.
    RtcMessagingModule.forRoot({
      isGlobal: true,
      controller: { path: 'rtc', guards: [ApiKeyGuard] },
    }),
    ClassroomModule,
    ConsoleModule,
  ],
})
export class AppModule {}
