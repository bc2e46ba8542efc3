// A worker to be killed. Its first argument is a JSON text: { connection, queue options, rtc options }.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';

const { connection, queue, rtc } = JSON.parse(process.argv[2]);

class WorkerModule {}
Module({
  imports: [
    RtcMessagingModule.forRoot(rtc),
    RtcFanOutQueueModule.forRoot({ connection, ...queue, role: 'worker' }),
  ],
})(WorkerModule);

process.on('disconnect', () => process.exit());
await NestFactory.createApplicationContext(WorkerModule, { logger: ['error'] });
process.send('ready');
