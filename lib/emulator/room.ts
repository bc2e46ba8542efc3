import { idProblem } from '../dto/field-rules.js';
import { Presence } from './presence.js';

/** A room and who is in it. */
export class Room extends Presence {
  /** @internal Rooms come from `emulator.room()`. */
  constructor(
    /** 1–128 of `a-z A-Z 0-9 @ . _ -`. */
    readonly id: string,
    keep: number,
  ) {
    super(keep);
    const problem = idProblem(id);
    if (problem !== undefined) throw new TypeError(`roomId: ${problem}`);
  }
}
