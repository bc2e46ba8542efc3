import { Injectable } from '@nestjs/common';
import { type FanOutProgress, RoomUnicastService, RtcMessagingError } from 'nestjs-rtc-messaging';
import { EmulatorClient } from '../emulator/emulator.client.js';
import { type FanOutEnd, summarize } from './fan-out-end.js';
import { type SimulatedFanOut, simulatedUsers } from './simulated-fan-out.js';

/** Sends one message to any number of users who are made up. */
@Injectable()
export class FanOutService {
  constructor(
    private readonly roomUnicast: RoomUnicastService,
    private readonly emulator: EmulatorClient,
  ) {}

  async run(
    { roomId, message, binary, users, skipAbsent, confirmed }: SimulatedFanOut,
    signal: AbortSignal,
    onProgress: (progress: FanOutProgress) => void,
  ): Promise<FanOutEnd> {
    if (!confirmed && (await this.emulator.target()) === 'real') return { refused: 'unconfirmed' };
    try {
      const report = await this.roomUnicast.fanOut(
        { roomId, to: simulatedUsers(users), message, binary, skipAbsent },
        // No ID comes twice, and who was not accepted would only be a long list.
        { signal, total: users, dedupe: 'none', keepRecipients: false, onProgress },
      );
      return { report: summarize(report) };
    } catch (error) {
      if (error instanceof RtcMessagingError) return { error: error.toJSON() };
      throw error;
    }
  }
}
