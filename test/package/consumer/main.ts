import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { Announcer, AppModule } from './app.js';

async function main(platform: string | undefined): Promise<void> {
  const emulator = await RtcEmulator.start();
  const alice = emulator.room('room-1').join('alice');
  const app = await NestFactory.create(
    AppModule.with(emulator.moduleOptions()),
    platform === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter(),
    { logger: ['error'] },
  );
  await app.listen(0, '127.0.0.1');
  const { outcome } = await app.get(Announcer).announce('room-1', ['alice'], 'from the service');
  const response = await fetch(`${await app.getUrl()}/rtc/rooms/room-1/unicast`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ to: ['alice'], message: 'from the controller' }),
  });
  await app.close();
  await emulator.close();
  console.log(
    JSON.stringify({
      node: process.version,
      platform: app.getHttpAdapter().getType(),
      outcome,
      status: response.status,
      received: alice.received.map(({ message }) => message),
    }),
  );
}

void main(process.argv[2]);
