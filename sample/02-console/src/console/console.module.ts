import { Module } from '@nestjs/common';
import { ApiKeyGuard } from '../auth/api-key.guard.js';
import { ClassroomModule } from '../classroom/classroom.module.js';
import { ConsoleController } from './console.controller.js';
import { EmulatorClient } from './emulator/emulator.client.js';
import { FanOutService } from './fan-out/fan-out.service.js';
import { FaultService } from './faults/fault.service.js';
import { LiveGateway } from './live/live.gateway.js';
import { PageController } from './page.controller.js';
import { ReceiptNewsService } from './receipts/receipt-news.service.js';
import { RateService } from './rate/rate.service.js';
import { SameOriginGuard } from './origin/same-origin.guard.js';

/** A page on which to send messages and see what becomes of them. */
@Module({
  imports: [ClassroomModule],
  controllers: [PageController, ConsoleController],
  providers: [
    ApiKeyGuard,
    SameOriginGuard,
    EmulatorClient,
    FaultService,
    FanOutService,
    RateService,
    ReceiptNewsService,
    LiveGateway,
  ],
})
export class ConsoleModule {}
