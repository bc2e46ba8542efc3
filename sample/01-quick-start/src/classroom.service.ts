import { Injectable, Logger } from '@nestjs/common';
import { RoomUnicastService, RtcMessagingError } from 'nestjs-rtc-messaging';

/** How many students there were, and how many the service accepted the message for. */
export interface Reached {
  readonly students: number;
  readonly accepted: number;
}

@Injectable()
export class ClassroomService {
  readonly #logger = new Logger(ClassroomService.name);

  constructor(private readonly roomUnicast: RoomUnicastService) {}

  /** One message to all students of a class, however many: 600 a request, within the quota. */
  async announceStart(roomId: string, title: string, students: Iterable<string>): Promise<Reached> {
    const message = JSON.stringify({ type: 'class.started', title });
    const { id, counts } = await this.roomUnicast.fanOut({ roomId, to: students, message });
    // The counts add up to `input`, and nobody was sent the message twice.
    const { input, duplicates, accepted } = counts;
    if (accepted + duplicates < input) {
      this.#logger.warn(`Class ${roomId}, fan-out ${id}: ${JSON.stringify(counts)}`);
    }
    return { students: input - duplicates, accepted };
  }

  /** One message to one student. Returns whether the service has accepted it. */
  async callOn(roomId: string, student: string): Promise<boolean> {
    const message = JSON.stringify({ type: 'your.turn' });
    try {
      await this.roomUnicast.send({ roomId, to: student, message });
      return true;
    } catch (error) {
      if (!(error instanceof RtcMessagingError)) throw error;
      // `unknown`: it may have arrived. What was refused or never attempted has not.
      if (error.outcome === 'unknown')
        this.#logger.warn(`${student} may have been called on: ${error.message}`);
      else this.#logger.error(`${student} was not called on: ${error.message}`);
      return false;
    }
  }
}
