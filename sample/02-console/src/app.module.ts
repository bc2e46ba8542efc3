import { Module } from '@nestjs/common';
import { ConfigModule } from '@nestjs/config';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcCallbackModule } from 'nestjs-rtc-messaging/callbacks';
import { ApiKeyGuard } from './auth/api-key.guard.js';
import { ClassroomModule } from './classroom/classroom.module.js';
import { CLIENT_MESSAGES_PATH, EVENTS_PATH } from './callback-paths.js';
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
    // Joins and leaves, and what students send. The secrets come from the environment.
    RtcCallbackModule.forRoot({
      events: { path: EVENTS_PATH },
      clientMessages: { path: CLIENT_MESSAGES_PATH },
      // Who has received what the console sends with receipts: they come as messages of clients.
      receipts: {},
    }),
    ClassroomModule,
    ConsoleModule,
  ],
})
export class AppModule {}
