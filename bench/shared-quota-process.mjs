// One of the processes that fan out together. Its first argument is a JSON text: { options (of the module),
// redisUrl, fallbackShare }. It asks its parent for recipients, a page at a time, and tells it when its quota's
// status changes.
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';

const { options, redisUrl, fallbackShare } = JSON.parse(process.argv[2]);
Logger.overrideLogger(['error']);
subscribe('nestjs-rtc-messaging:quota', ({ status, failure }) =>
  process.send({ kind: 'quota', status, failure }),
);

const app = await NestFactory.createApplicationContext(
  RtcMessagingModule.forRoot({
    ...options,
    quota: { ...options.quota, store: new RedisQuota({ connection: redisUrl, fallbackShare }) },
  }),
  { logger: ['error'] },
);
const service = app.get(RoomUnicastService);

async function nextPage() {
  process.send({ kind: 'page' });
  const [page] = await once(process, 'message');
  return page;
}

/** Asks for a page while that before it is sent, so that no one waits for the parent. */
async function* recipients() {
  for (let coming = nextPage(); ;) {
    const { first, count } = await coming;
    if (count === 0) return;
    coming = nextPage();
    for (let index = first; index < first + count; index++) yield `user-${index}`;
  }
}

process.on('disconnect', () => process.exit());
process.send({ kind: 'ready' });
for (;;) {
  const [{ roomId, chunkSize, singles, everyMs, end }] = await once(process, 'message');
  if (end) break;
  if (singles !== undefined) {
    const waits = [];
    for (let index = 0; index < singles; index++) {
      const asked = performance.now();
      await service.send({ roomId: 'room-2', to: `someone-${index}`, message: 'You won the bid.' });
      waits.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
    process.send({ kind: 'singles', waits });
    continue;
  }
  const request = { roomId, to: recipients(), message: 'The auction begins.' };
  const report = await service.fanOut(request, { chunkSize });
  process.send({
    kind: 'report',
    counts: report.counts,
    requests: report.requests,
    throttled: report.throttled,
  });
}
await app.close();
process.disconnect();
