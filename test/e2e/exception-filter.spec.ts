import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, type INestApplication, Module } from '@nestjs/common';
import { APP_FILTER, ExternalContextCreator } from '@nestjs/core';
import { ClientTCP, MessagePattern, type TcpOptions, Transport } from '@nestjs/microservices';
import { Test } from '@nestjs/testing';
import type { AddressInfo, Server } from 'node:net';
import { firstValueFrom } from 'rxjs';
import { RoomUnicastService, RtcExceptionFilter, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { LogLines } from '../support/log-lines.js';
import { rejectionOf } from '../support/rejection.js';

const MESSAGE = { roomId: 'room 1', to: ['alice'], message: 'hello' };

@Controller()
class SendingController {
  constructor(@Inject(RoomUnicastService) private readonly roomUnicast: RoomUnicastService) {}

  @Get('send')
  overHttp(): Promise<unknown> {
    return this.roomUnicast.batchSend(MESSAGE);
  }

  @MessagePattern('send')
  overTcp(): Promise<unknown> {
    return this.roomUnicast.batchSend(MESSAGE);
  }
}

/** Called as `@nestjs/graphql` calls resolvers. */
class Resolver {
  constructor(@Inject(RoomUnicastService) private readonly roomUnicast: RoomUnicastService) {}

  send(): Promise<unknown> {
    return this.roomUnicast.batchSend(MESSAGE);
  }
}

let emulator: RtcEmulator;
let app: INestApplication | undefined;
beforeEach(async () => {
  emulator = await RtcEmulator.start();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await emulator.close();
});

const start = async (isFiltered: boolean) => {
  @Module({
    imports: [RtcMessagingModule.forRoot(emulator.moduleOptions())],
    controllers: [SendingController],
    providers: [Resolver, ...(isFiltered ? [{ provide: APP_FILTER, useClass: RtcExceptionFilter }] : [])],
  })
  class AppModule {}
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = module.createNestApplication();
  const log = new LogLines();
  app.useLogger(log);
  const tcp = app.connectMicroservice<TcpOptions>(
    { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 } },
    { inheritAppConfig: true },
  );
  await app.startAllMicroservices();
  await app.listen(0, '127.0.0.1');
  return { app, tcp, log, url: await app.getUrl() };
};

const errorsOf = ({ lines }: LogLines): string[] => lines.filter((line) => line.startsWith('ERROR'));

describe('an app whose global filter is RtcExceptionFilter', () => {
  it('answers over HTTP with the status of the error', async () => {
    const { url } = await start(true);
    const response = await fetch(`${url}/send`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'RTC_VALIDATION', issues: [{ path: 'roomId' }] });
  });

  it.each([true, false])('answers a microservice as without the filter (%s)', async (isFiltered) => {
    const { tcp, log } = await start(isFiltered);
    const server = tcp.unwrap<Server>();
    const { port } = server.address() as AddressInfo;
    const client = new ClientTCP({ host: '127.0.0.1', port });
    const error = await rejectionOf(firstValueFrom(client.send('send', {})));
    client.close();
    expect(error).toEqual({ status: 'error', message: 'Internal server error' });
    expect(errorsOf(log)).toEqual([expect.stringContaining('roomId')]);
  });

  it.each([true, false])('lets a resolver throw as without the filter (%s)', async (isFiltered) => {
    const { app: running, log } = await start(isFiltered);
    const resolver = running.get(Resolver);
    const call = running
      .get(ExternalContextCreator)
      .create(
        resolver,
        resolver.send,
        'send',
        undefined,
        undefined,
        undefined,
        undefined,
        undefined,
        'graphql',
      );
    const error = await rejectionOf(call());
    expect(error).toMatchObject({ code: 'RTC_VALIDATION', issues: [{ path: 'roomId' }] });
    expect(errorsOf(log)).toEqual([expect.stringContaining('roomId')]);
  });
});
