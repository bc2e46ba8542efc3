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
  constructor(@Inject(RoomUnicastService) private readonly roomUnicast: RoomUnicastService) {}

  announce(roomId: string, to: string[], message: string): Promise<SendReceipt> {
    const dto: BatchSendRoomUnicastDto = Object.assign(new BatchSendRoomUnicastDto(), {
      roomId,
      to,
      message,
    });
    return this.roomUnicast.batchSend(dto);
  }
}

@Module({})
export class AppModule {
  static with(options: RtcMessagingOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [RtcMessagingModule.forRoot({ ...options, controller: { allowAnonymous: true } })],
      providers: [Announcer],
    };
  }
}
