import { idProblem } from '../dto/field-rules.js';
import type { Attendance } from './attendance.js';
import { Presence } from './presence.js';

/** A room and who is in it. */
export class Room extends Presence {
  /** @internal Rooms come from `emulator.room()`. */
  constructor(
    attendance: Attendance,
    /** 1–128 of `a-z A-Z 0-9 @ . _ -`. */
    readonly id: string,
  ) {
    super(attendance, id);
    const problem = idProblem(id);
    if (problem !== undefined) throw new TypeError(`roomId: ${problem}`);
  }
}
