import { Module } from '@nestjs/common';
import { ApiKeyGuard } from '../auth/api-key.guard.js';
import { ConsoleController } from './console.controller.js';
import { EmulatorClient } from './emulator.client.js';
import { FanOutService } from './fan-out.service.js';
import { FaultService } from './fault.service.js';
import { LiveGateway } from './live.gateway.js';
import { PageController } from './page.controller.js';
import { RateService } from './rate.service.js';
import { SameOriginGuard } from './same-origin.guard.js';

/** A page on which to send messages and see what becomes of them. */
@Module({
  controllers: [PageController, ConsoleController],
  providers: [
    ApiKeyGuard,
    SameOriginGuard,
    EmulatorClient,
    FaultService,
    FanOutService,
    RateService,
    LiveGateway,
  ],
})
export class ConsoleModule {}
