import { Body, ConflictException, Controller, Delete, HttpCode, Post, Put, UseGuards } from '@nestjs/common';
import {
  type BroadcastReceipt,
  RoomBroadcastService,
  RoomPresenceService,
  RoomUnicastService,
  RtcMessagingError,
} from 'nestjs-rtc-messaging';
import { ApiKeyGuard } from '../auth/api-key.guard.js';
import { AbsentQuestionDto } from './absent-question.dto.js';
import { BroadcastMessageDto } from './broadcast-message.dto.js';
import { EmulatorClient } from './emulator/emulator.client.js';
import { FaultService, type FaultState } from './faults/fault.service.js';
import { SameOriginGuard } from './origin/same-origin.guard.js';
import { SendMessageDto } from './send-message.dto.js';
import { SwitchFaultDto } from './faults/switch-fault.dto.js';

/** What a caller of the library gets: the receipt, or the error that is thrown. */
type SendAnswer = { readonly receipt: BroadcastReceipt } | { readonly error: object };

/** Who of those asked about is not in the room, by the service's list; or why the service could not be asked. */
export type AbsentAnswer =
  | { readonly absent: readonly string[]; readonly complete: boolean; readonly askedAt: string }
  | { readonly error: { readonly message: string } };

/** Someone waits for the answer, who may send without it. */
const PRESENCE_OPTIONS = { timeoutMs: 2_000, deadlineMs: 3_000 };

/** What the console's page asks for, apart from its live connection. */
@Controller('console')
@UseGuards(SameOriginGuard, ApiKeyGuard)
export class ConsoleController {
  constructor(
    private readonly roomUnicast: RoomUnicastService,
    private readonly roomBroadcast: RoomBroadcastService,
    private readonly presence: RoomPresenceService,
    private readonly emulator: EmulatorClient,
    private readonly faults: FaultService,
  ) {}

  @Post('messages')
  @HttpCode(200)
  send(@Body() { confirmed, receipt, ...request }: SendMessageDto): Promise<SendAnswer> {
    // Their apps drop copies, so what may have been lost is sent again.
    const options = receipt ? ({ receipt, onUnknown: 'resend' } as const) : {};
    return this.#show(confirmed, () => this.roomUnicast.batchSend(request, options));
  }

  @Post('broadcasts')
  @HttpCode(200)
  broadcast(@Body() { confirmed, ...request }: BroadcastMessageDto): Promise<SendAnswer> {
    return this.#show(confirmed, () => this.roomBroadcast.send(request));
  }

  /** Asks the service, the real one too: nothing is sent to anyone. */
  @Post('absent')
  @HttpCode(200)
  async absent(@Body() { roomId, to }: AbsentQuestionDto): Promise<AbsentAnswer> {
    try {
      const { users, invisible, complete, askedAt } = await this.presence.onlineUsers(
        roomId,
        PRESENCE_OPTIONS,
      );
      const there = new Set([...users, ...invisible]);
      return { absent: to.filter((userId) => !there.has(userId)), complete, askedAt };
    } catch (error) {
      if (error instanceof RtcMessagingError) return { error: { message: error.message } };
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

  async #show(confirmed: boolean, send: () => Promise<BroadcastReceipt>): Promise<SendAnswer> {
    if (!confirmed && (await this.emulator.target()) === 'real') {
      throw new ConflictException('Messages go to the real service; it must be confirmed that this is meant');
    }
    try {
      return { receipt: await send() };
    } catch (error) {
      if (error instanceof RtcMessagingError) return { error: error.toJSON() };
      throw error;
    }
  }

  async #requireEmulator(): Promise<void> {
    if ((await this.emulator.target()) === 'emulator') return;
    throw new ConflictException('Faults are a matter of the emulator; messages go to the real service');
  }
}
