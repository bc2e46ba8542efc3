// A producer to be killed. Its first argument is a JSON text: { connection, queue options, request }.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FanOutQueueService, RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';

const { connection, queue, id, roomId, message, users, chunkSize } = JSON.parse(process.argv[2]);

class ProducerModule {}
Module({ imports: [RtcFanOutQueueModule.forRoot({ connection, ...queue, role: 'producer' })] })(
  ProducerModule,
);

async function* source() {
  for (let user = 0; user < users; user++) yield `user-${user}`;
}

process.on('disconnect', () => process.exit());
const app = await NestFactory.createApplicationContext(ProducerModule, { logger: ['error'] });
process.send('ready');
await app.get(FanOutQueueService).enqueue({ roomId, message, to: source() }, { id, chunkSize });
process.send('enqueued');
