import { Injectable } from '@nestjs/common';
import { RoomUnicastService, type SendReceipt } from 'nestjs-rtc-messaging';

/** What this business says to its classrooms; the clients parse the same JSON. */
@Injectable()
export class ClassroomService {
  constructor(private readonly roomUnicast: RoomUnicastService) {}

  announceStart(roomId: string, title: string, students: readonly string[]): Promise<SendReceipt> {
    return this.roomUnicast.batchSend({
      roomId,
      to: students,
      message: JSON.stringify({ type: 'class.started', title }),
    });
  }
}
