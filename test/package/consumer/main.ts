import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { ClientSignatureService } from 'nestjs-rtc-messaging/callbacks';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { Announcer, AppModule } from './app.js';
import { CallbackAppModule, Database } from './callbacks.js';

async function main(platform: string | undefined): Promise<void> {
  const adapter = () => (platform === 'Fastify' ? new FastifyAdapter() : new ExpressAdapter());
  const emulator = await RtcEmulator.start();
  const alice = emulator.room('room-1').join('alice');
  const app = await NestFactory.create(AppModule.with(emulator.moduleOptions()), adapter(), {
    logger: ['error'],
  });
  await app.listen(0, '127.0.0.1');
  const { outcome } = await app.get(Announcer).announce('room-1', ['alice'], 'from the service');
  const response = await fetch(`${await app.getUrl()}/rtc/rooms/room-1/unicast`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ to: ['alice'], message: 'from the controller' }),
  });
  await app.close();

  const secret = 'the-secret-of-events';
  const { appId } = emulator.moduleOptions();
  const receiving = await NestFactory.create(CallbackAppModule.with(appId, secret), adapter(), {
    logger: ['error'],
  });
  await receiving.listen(0, '127.0.0.1');
  const url = await receiving.getUrl();
  const signature = receiving.get(ClientSignatureService, { strict: false });
  alice.setServerParams(signature.issue({ userId: 'alice', expiresInSeconds: 60 }), `${url}/rtc/messages`);
  const { message: answer } = await alice.sendServerMessage('hello');
  emulator.callbacks.register({ url: `${url}/rtc/events`, secret });
  emulator.room('room-1').join('bob');
  await emulator.callbacks.idle();
  await receiving.close();
  const { rows } = receiving.get(Database);
  await emulator.close();
  console.log(
    JSON.stringify({
      node: process.version,
      platform: app.getHttpAdapter().getType(),
      outcome,
      status: response.status,
      received: alice.received.map(({ message }) => message),
      answer,
      rows,
    }),
  );
}

void main(process.argv[2]);
