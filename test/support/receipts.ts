import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  RoomUnicastService,
  RtcMessagingModule,
  type RtcMessagingOptions,
  type RtcReceiptEvent,
} from 'nestjs-rtc-messaging';
import { ClientSignatureService, RtcCallbackModule } from 'nestjs-rtc-messaging/callbacks';
import type { JoinOptions, Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { ReceiptService, type RtcReceiptOptions } from 'nestjs-rtc-messaging/receipts';

const SECRET = 'a-secret-of-the-tests-for-clients';

interface ReceiptAppOptions extends Partial<RtcMessagingOptions> {
  readonly receipts?: RtcReceiptOptions;
  /** Whether it has an RtcMessagingModule. Default true. */
  readonly sends?: boolean;
}

/** A business server that sends with receipts, and clients of the emulator that confirm to it. */
export class ReceiptApp {
  readonly receipts: ReceiptService;
  readonly signatures: ClientSignatureService;
  /** Receipts that came to any server of this process, by what became of them. */
  readonly counts = { confirmed: 0, repeated: 0, not_awaited: 0 };
  readonly #count = (event: unknown): void => {
    const { module, status } = event as RtcReceiptEvent;
    if (module === 'default') this.counts[status] += 1;
  };

  private constructor(
    readonly app: INestApplication,
    readonly url: string,
    private readonly emulator: RtcEmulator,
  ) {
    this.receipts = app.get(ReceiptService);
    this.signatures = app.get(ClientSignatureService);
    subscribe('nestjs-rtc-messaging:receipt', this.#count);
  }

  static async start(
    emulator: RtcEmulator,
    { receipts = {}, sends = true, ...options }: ReceiptAppOptions = {},
  ): Promise<ReceiptApp> {
    const { appId } = emulator.moduleOptions();
    const module = await Test.createTestingModule({
      imports: [
        ...(sends ? [RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), ...options })] : []),
        RtcCallbackModule.forRoot({
          appId,
          clientMessages: { path: '/rtc/messages', secrets: [SECRET], maxPerSecond: 1_000 },
          receipts,
        }),
      ],
    }).compile();
    const app = module.createNestApplication();
    app.useLogger(false);
    await app.listen(0, '127.0.0.1');
    return new ReceiptApp(app, `${await app.getUrl()}/rtc/messages`, emulator);
  }

  get rooms(): RoomUnicastService {
    return this.app.get(RoomUnicastService);
  }

  signatureOf(userId: string): string {
    return this.signatures.issue({ userId, expiresInSeconds: 3_600 });
  }

  /** A user whose app uses the receiver, unless told otherwise, and confirms to this server. */
  join(userId: string, options: JoinOptions = { receiver: true }, roomId = 'room-1'): Participant {
    const participant = this.emulator.room(roomId).join(userId, options);
    participant.setServerParams(this.signatureOf(userId), this.url);
    return participant;
  }

  /** As the service posts a client's message, or as anyone does who has a signature. */
  async post(message: string, signature: string): Promise<number> {
    const body = JSON.stringify({ message, binary: false, signature });
    const { status } = await fetch(this.url, { method: 'POST', body });
    return status;
  }

  async close(): Promise<void> {
    await this.app.close();
    unsubscribe('nestjs-rtc-messaging:receipt', this.#count);
  }
}
