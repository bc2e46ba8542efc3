// A worker to be killed. Its first argument is a JSON text: { connection, queue options, rtc options }, and the options
// of a quota that is shared, if it is, and how far ahead its clock is, in milliseconds.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';

const { connection, queue, rtc, sharedQuota, clockAheadMs = 0 } = JSON.parse(process.argv[2]);
const { now } = Date;
Date.now = () => now() + clockAheadMs;
if (sharedQuota !== undefined) rtc.quota.store = new RedisQuota(sharedQuota);

class WorkerModule {}
Module({
  imports: [
    RtcMessagingModule.forRoot(rtc),
    RtcFanOutQueueModule.forRoot({ connection, ...queue, role: 'worker' }),
  ],
})(WorkerModule);

process.on('disconnect', () => process.exit());
const app = await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
app.enableShutdownHooks();
process.send('ready');
