import type { Presence } from './presence.js';
import type { EmulatedMessage } from './read-message.js';

const MAX_WARNINGS = 20;
const MAX_NAMED = 3;

/**
 * Warns when a message is accepted for users who are not there, since its sender can't see that. Once for a room, and
 * for a few rooms in all: a test may mean it.
 */
export class AbsenceWarnings {
  readonly #rooms = new Set<string | undefined>();

  warn({ roomId, to }: EmulatedMessage, presence: Presence): void {
    if (this.#rooms.has(roomId) || this.#rooms.size >= MAX_WARNINGS) return;
    this.#rooms.add(roomId);
    const where = roomId === undefined ? 'logged in' : `in room ${roomId}`;
    process.emitWarning(
      `A message was accepted, but ${whoIsAbsent(to, presence)} ${where}, and nothing is delivered later. ` +
        'This is said once for each room.',
      'RtcEmulatorWarning',
    );
  }
}

function whoIsAbsent(to: readonly string[] | undefined, presence: Presence): string {
  if (to === undefined) return 'no one is';
  const absent = to.filter((userId) => presence.participant(userId) === undefined);
  const named = absent.slice(0, MAX_NAMED).join(', ');
  if (absent.length > MAX_NAMED) return `${named} and ${absent.length - MAX_NAMED} more are not`;
  return `${named} ${absent.length === 1 ? 'is' : 'are'} not`;
}
