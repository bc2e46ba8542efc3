// The producer of the demo: it enqueues what it is told to, tells how far that is, and serves Bull Board.
import 'reflect-metadata';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { BullBoardModule } from '@bull-board/nestjs';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_FAN_OUT_QUEUE, FanOutQueueService, RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';

class ProducerModule {}
Module({
  imports: [
    RtcFanOutQueueModule.forRoot({
      connection: process.env.DEMO_REDIS_URL,
      prefix: process.env.DEMO_PREFIX,
      role: 'producer',
    }),
    // In an app that others can reach, put a guard in front of it.
    BullBoardModule.forRoot({ route: '/queues', adapter: ExpressAdapter }),
    BullBoardModule.forFeature({ name: DEFAULT_FAN_OUT_QUEUE, adapter: BullMQAdapter }),
  ],
})(ProducerModule);

const app = await NestFactory.create(ProducerModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
process.on('disconnect', () => void app.close());
process.on('message', ({ recipients, chunkSize }) => void fanOut(recipients, chunkSize));
process.send({ url: `${await app.getUrl()}/queues` });

async function fanOut(recipients, chunkSize) {
  const id = randomUUID();
  const service = app.get(FanOutQueueService);
  const enqueuing = service.enqueue(
    { roomId: 'arena', message: 'The auction begins.', to: users(recipients) },
    { id, chunkSize, total: recipients },
  );
  // Sending begins before all are enqueued. Any process can ask how far it is.
  let watched;
  for (;;) {
    watched ??= await service.get(id);
    const progress = await watched?.progress();
    if (progress !== undefined) process.send({ progress });
    if (progress?.state === 'ended') break;
    await sleep(100);
  }
  const handle = await enqueuing;
  process.send({ report: await handle.result() });
}

async function* users(recipients) {
  for (let user = 1; user <= recipients; user++) yield `user-${user}`;
}
