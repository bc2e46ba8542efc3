// Sends over faults, and says what is left of it in memory, timers, sockets and listeners. Run with --expose-gc.
import 'reflect-metadata';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { getEventListeners } from 'node:events';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

const WARM_UP = 1_000;
const SENDS = 10_000;
const CONCURRENCY = 50;
/** The only sends with a short time limit: on a busy machine, none may be answered within it. */
const TOO_LATE = { roomId: 'too-late', timeoutMs: 60, every: 13 };
const { roomId } = TOO_LATE;

const emulator = await RtcEmulator.start({
  quota: { requestsPerSecond: Number.POSITIVE_INFINITY },
  keepBytes: 1_048_576,
});
for (const [seed, fault] of [
  { kind: 'reset' },
  { kind: 'reset', accept: true },
  { kind: 'late', delayMs: 200, probability: 0.5, match: { roomId } },
  { kind: 'drip', probability: 1, match: { roomId } },
  { kind: 'truncated' },
  { kind: 'html' },
  { kind: 'oversized', bytes: 100_000 },
  { kind: 'close_after_answer' },
  { kind: 'clock', offsetMs: 7_200_000 },
  { kind: 'error', code: 'FailToConnect' },
  { kind: 'error', code: 'InvalidAccessKey' },
  // Final at the first attempt.
  { kind: 'error', code: 'AccessDenied' },
  { kind: 'error', code: 'InternalError' },
  { kind: 'reset_connection' },
].entries()) {
  emulator.faults.add({ probability: 0.04, seed, ...fault });
}

class AppModule {}
Module({
  imports: [
    RtcMessagingModule.forRoot({
      ...emulator.moduleOptions(),
      credentials: async () => ({ ...emulator.moduleOptions().credentials }),
      timeoutMs: 60_000,
      quota: { requestsPerSecond: 1_000_000 },
      http: { maxContentLength: 50_000 },
    }),
  ],
})(AppModule);
Logger.overrideLogger(false);
const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const service = app.get(RoomUnicastService);
const { signal } = new AbortController();
const outcomes = {};

async function send(count) {
  let left = count;
  const work = async () => {
    while (left > 0) {
      left -= 1;
      const isTooLate = left % TOO_LATE.every === 0;
      const { outcome } = await service
        .batchSend(
          { roomId: isTooLate ? roomId : 'room-1', to: ['alice'], message: 'hello' },
          {
            signal,
            onUnknown: left % 2 === 0 ? 'report' : 'resend',
            ...(isTooLate && { timeoutMs: TOO_LATE.timeoutMs }),
          },
        )
        .catch((error) => error);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
}

async function heapUsed() {
  // Connections that are being closed are let go of.
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (let round = 0; round < 5; round++) globalThis.gc();
  return process.memoryUsage().heapUsed;
}

await send(WARM_UP);
const before = await heapUsed();
await send(SENDS - WARM_UP);
const after = await heapUsed();
const listeners = getEventListeners(signal, 'abort').length;
await app.close();
await emulator.close();
// Standard output is a pipe here, and none of ours.
const resources = () => process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap');
let left = resources();
for (const end = Date.now() + 10_000; left.length > 0 && Date.now() < end; left = resources()) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
process.stdout.write(JSON.stringify({ grownBytes: after - before, listeners, left, outcomes }));
// And now the process ends by itself.
