import 'reflect-metadata';
import { Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import {
  BatchSendRoomUnicastDto,
  RoomUnicastService,
  RtcMessagingModule,
  type RtcMessagingOptions,
  type SendReceipt,
} from 'nestjs-rtc-messaging';

@Injectable()
export class Announcer {
  constructor(private readonly roomUnicast: RoomUnicastService) {}

  announce(roomId: string, to: string[], message: string): Promise<SendReceipt> {
    const dto: BatchSendRoomUnicastDto = Object.assign(new BatchSendRoomUnicastDto(), {
      roomId,
      to,
      message,
    });
    return this.roomUnicast.batchSend(dto);
  }
}

/** Names what it depends on, where metadata of types may be missing. */
@Injectable()
export class Reminder {
  constructor(@Inject(RoomUnicastService) private readonly roomUnicast: RoomUnicastService) {}

  remind(roomId: string, userId: string): Promise<SendReceipt> {
    return this.roomUnicast.batchSend({ roomId, to: [userId], message: 'reminder' });
  }
}

@Module({})
export class AppModule {
  static with(options: RtcMessagingOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [RtcMessagingModule.forRoot({ ...options, controller: { allowAnonymous: true } })],
      providers: [Announcer, Reminder],
    };
  }
}
