import { Body, ConflictException, Controller, Delete, HttpCode, Post, Put, UseGuards } from '@nestjs/common';
import { RoomUnicastService, RtcMessagingError, type SendReceipt } from 'nestjs-rtc-messaging';
import { ApiKeyGuard } from '../auth/api-key.guard.js';
import { EmulatorClient } from './emulator/emulator.client.js';
import { FaultService, type FaultState } from './faults/fault.service.js';
import { SameOriginGuard } from './origin/same-origin.guard.js';
import { SendMessageDto } from './send-message.dto.js';
import { SwitchFaultDto } from './faults/switch-fault.dto.js';

/** What the console's page asks for, apart from its live connection. */
@Controller('console')
@UseGuards(SameOriginGuard, ApiKeyGuard)
export class ConsoleController {
  constructor(
    private readonly roomUnicast: RoomUnicastService,
    private readonly emulator: EmulatorClient,
    private readonly faults: FaultService,
  ) {}

  /** Shows what a caller of the service gets: the receipt, or the error that is thrown. */
  @Post('messages')
  @HttpCode(200)
  async send(
    @Body() { confirmed, ...request }: SendMessageDto,
  ): Promise<{ receipt: SendReceipt } | { error: object }> {
    if (!confirmed && (await this.emulator.target()) === 'real') {
      throw new ConflictException('Messages go to the real service; it must be confirmed that this is meant');
    }
    try {
      return { receipt: await this.roomUnicast.batchSend(request) };
    } catch (error) {
      if (error instanceof RtcMessagingError) return { error: error.toJSON() };
      throw error;
    }
  }

  @Put('fault')
  async switchOn(@Body() { name, share }: SwitchFaultDto): Promise<FaultState> {
    await this.#requireEmulator();
    return this.faults.switchOn(name, share);
  }

  @Delete('fault')
  async switchOff(): Promise<FaultState> {
    await this.#requireEmulator();
    return this.faults.switchOff();
  }

  async #requireEmulator(): Promise<void> {
    if ((await this.emulator.target()) === 'emulator') return;
    throw new ConflictException('Faults are a matter of the emulator; messages go to the real service');
  }
}
