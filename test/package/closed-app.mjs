// An app that sends and is closed, and what then still keeps its process. Its first argument is a JSON text:
// { rtc, redisUrl, sharesQuota, queue }.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { setImmediate } from 'node:timers/promises';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { FanOutQueueService, RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';

const GIVE_UP_MS = 10_000;

const { rtc, redisUrl, sharesQuota = false, queue } = JSON.parse(process.argv[2]);

class App {}
Module({
  imports: [
    RtcMessagingModule.forRoot({
      ...rtc,
      ...(sharesQuota && {
        quota: { store: new RedisQuota({ connection: redisUrl, fallbackShare: 0.5 }) },
      }),
    }),
    ...(queue === undefined ? [] : [RtcFanOutQueueModule.forRoot({ connection: redisUrl, ...queue })]),
  ],
})(App);

const app = await NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
const request = { roomId: 'room-1', to: ['user-1', 'user-2', 'user-3'], message: 'hello' };
if (queue === undefined) await app.get(RoomUnicastService).fanOut(request, { chunkSize: 1 });
else {
  const handle = await app.get(FanOutQueueService).enqueue(request, { chunkSize: 1 });
  if (queue.role !== 'producer') await handle.result();
}
await app.close();

/** Without what the process itself has: its output, and the waiting below. */
const kept = () => process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|Immediate/.test(name));
const report = () => console.log(JSON.stringify(kept()));
setTimeout(() => {
  report();
  process.exit();
}, GIVE_UP_MS).unref();
// A socket is closed when the other side has agreed. A timer that is left when no socket is, is for nothing.
while (kept().some((name) => name !== 'Timeout')) await setImmediate();
await setImmediate();
report();
