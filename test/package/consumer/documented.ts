import 'reflect-metadata';
import { Body, Controller, Get, Inject, Module, Post, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, TerminusModule, type HealthCheckResult } from '@nestjs/terminus';
import {
  BatchSendRoomUnicastDto,
  RtcHealthIndicator,
  RtcMessagingModule,
  type RtcMessagingOptions,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

@Controller()
class OwnController {
  constructor(
    @Inject(HealthCheckService) private readonly health: HealthCheckService,
    @Inject(RtcHealthIndicator) private readonly rtc: RtcHealthIndicator,
  ) {}

  @Get('health')
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.rtc.check('rtc')]);
  }

  @Post('announcements')
  announce(@Body() dto: BatchSendRoomUnicastDto): string {
    return dto.roomId;
  }
}

/** An app that has the packages which are optional: for its documentation and its health. */
@Module({})
class DocumentedModule {
  static with(options: RtcMessagingOptions): DynamicModule {
    return {
      module: DocumentedModule,
      imports: [
        TerminusModule,
        RtcMessagingModule.forRoot({ ...options, controller: { allowAnonymous: true } }),
      ],
      controllers: [OwnController],
    };
  }
}

async function main(): Promise<void> {
  const emulator = await RtcEmulator.start();
  const app = await NestFactory.create(DocumentedModule.with(emulator.moduleOptions()), {
    logger: ['error', 'warn'],
  });
  await app.listen(0, '127.0.0.1');
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder().setTitle('app').setVersion('1').build(),
  );
  const response = await fetch(`${await app.getUrl()}/health`);
  const health: unknown = await response.json();
  await app.close();
  await emulator.close();
  console.log(JSON.stringify({ document, status: response.status, health }));
}

void main();
