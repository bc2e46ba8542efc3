// One of the processes that share a quota. Its first argument is a JSON text: { options (of the module), redisUrl,
// roomId }. It fans out to that room for as long as it lives.
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';

const { options, redisUrl, roomId } = JSON.parse(process.argv[2]);
const quota = { ...options.quota, store: new RedisQuota({ connection: redisUrl }) };
const imports = RtcMessagingModule.forRoot({ ...options, quota });
const app = await NestFactory.createApplicationContext(imports, { logger: ['error'] });

function* users() {
  for (let user = 0; ; user++) yield `user-${user}`;
}

process.on('disconnect', () => process.exit());
process.send('ready');
await app.get(RoomUnicastService).fanOut({ roomId, to: users(), message: 'hello' }, { chunkSize: 1 });
