// An app that uses every entry, to be bundled. It needs a Redis, at REDIS_URL.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { FanOutQueueService, RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';

async function main() {
  const connection = process.env.REDIS_URL;
  const emulator = await RtcEmulator.start();
  const alice = emulator.room('room-1').join('alice');
  class AppModule {}
  Module({
    imports: [
      RtcMessagingModule.forRoot({
        ...emulator.moduleOptions(),
        quota: { store: new RedisQuota({ connection }) },
        controller: { allowAnonymous: true },
      }),
      RtcFanOutQueueModule.forRoot({ connection }),
    ],
  })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
  await app.listen(0, '127.0.0.1');
  const { outcome } = await app
    .get(RoomUnicastService)
    .batchSend({ roomId: 'room-1', to: ['alice'], message: 'by the service' });
  const { status } = await fetch(`${await app.getUrl()}/rtc/rooms/room-1/unicast`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ to: ['alice'], message: 'by the controller' }),
  });
  const handle = await app
    .get(FanOutQueueService)
    .enqueue({ roomId: 'room-1', to: ['alice'], message: 'by the queue' });
  const report = await handle.result();
  await app.close();
  await emulator.close();
  const received = alice.received.map(({ message }) => message);
  console.log(JSON.stringify({ outcome, status, fanOut: report.status, received }));
}

void main();
