import 'reflect-metadata';
import { subscribe } from 'node:diagnostics_channel';
import { Test } from '@nestjs/testing';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcCallbackModule } from 'nestjs-rtc-messaging/callbacks';

// A million receipts of messages that were sent, and as many that are refused, as fast as they come: prints how much
// is held after each tenth of them, in megabytes.
const USERS = Array.from({ length: 50 }, (_, index) => `user-${index}`);
const MESSAGES = 20_000;

const app = await Test.createTestingModule({
  imports: [
    RtcMessagingModule.forRoot({
      appId: 'app',
      from: 'server',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    }),
    RtcCallbackModule.forRoot({
      appId: 'app',
      clientMessages: { path: '/messages', secrets: ['a-secret-of-this-test'] },
      receipts: {},
    }),
  ],
}).compile();
app.useLogger(false);
await app.init();
const receipts = app.get('nestjs-rtc-messaging:own-receipts', { strict: false });
const counts = { confirmed: 0, not_awaited: 0 };
subscribe('nestjs-rtc-messaging:receipt', ({ status }) => (counts[status] += 1));
const held = [];
for (let index = 0; index < MESSAGES; index++) {
  const messageId = String(index).padStart(32, '0');
  await receipts.store.expect(messageId, USERS);
  for (const userId of USERS) {
    const strange = `[rtc1c:${String(index).padStart(16, 'x')}0123456789abcdef]`;
    await receipts.take(userId, `[rtc1c:${messageId}]`);
    await receipts.take(userId, strange);
  }
  if ((index + 1) % (MESSAGES / 10) !== 0) continue;
  globalThis.gc();
  held.push(process.memoryUsage().heapUsed / 1_048_576);
}
process.stdout.write(JSON.stringify({ held, counts }));
await app.close();
