// A worker of the demo, as an app of its own would have it: the settings of the service come from the environment.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';

class WorkerModule {}
Module({
  imports: [
    RtcMessagingModule.forRoot({
      quota: {
        // All workers share one quota; each keeps to a third of it if Redis should be away.
        store: new RedisQuota({
          connection: process.env.DEMO_REDIS_URL,
          keyPrefix: process.env.DEMO_PREFIX,
          fallbackShare: 1 / 3,
        }),
      },
    }),
    RtcFanOutQueueModule.forRoot({
      connection: process.env.DEMO_REDIS_URL,
      prefix: process.env.DEMO_PREFIX,
      role: 'worker',
      // Of a worker that was killed, the others learn so soon.
      lostAfterMs: 2_000,
    }),
  ],
})(WorkerModule);

const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error', 'warn'] });
process.on('disconnect', () => void app.close());
process.send('ready');
