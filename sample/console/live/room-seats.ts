import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import type { LiveEvent, ReceivedJson } from './live-event.js';

/** The emulator's close code for someone who was put out of the room. */
const PUT_OUT = 4_001;
/** How many users a page may have in a room. */
const MAX_SEATS = 50;

/** Opens a user's connection to a room. */
export type OpenSeat = (roomId: string, userId: string) => WebSocket;

/** The users whom one page has let join a room, each over a connection of its own, as clients have. */
export class RoomSeats {
  readonly #seats = new Map<string, WebSocket>();

  constructor(
    private readonly open: OpenSeat,
    private readonly tell: (event: LiveEvent) => void,
  ) {}

  join(roomId: string, userId: string): void {
    if (this.#seats.has(userId)) return;
    if (this.#seats.size >= MAX_SEATS) {
      this.tell({ type: 'not_joined', userId, message: `A page takes at most ${MAX_SEATS} users.` });
      return;
    }
    const seat = this.open(roomId, userId);
    this.#seats.set(userId, seat);
    let joined = false;
    let problem = '';
    seat.on('open', () => {
      joined = true;
      this.tell({ type: 'joined', userId });
    });
    seat.on('message', (data: RawData) =>
      this.tell({ type: 'received', userId, received: JSON.parse(String(data)) as ReceivedJson }),
    );
    seat.on('unexpected-response', async (_request: unknown, response: IncomingMessage) => {
      problem = await readText(response).catch(() => '');
      seat.terminate();
    });
    seat.on('error', ({ message }) => (problem ||= message));
    seat.on('close', (code) => {
      if (this.#seats.get(userId) !== seat) return;
      this.#seats.delete(userId);
      if (joined) this.tell({ type: 'left', userId, reason: code === PUT_OUT ? 'replaced' : 'lost' });
      else this.tell({ type: 'not_joined', userId, message: problem });
    });
  }

  leave(userId: string): void {
    const seat = this.#seats.get(userId);
    if (seat === undefined) return;
    this.#seats.delete(userId);
    seat.close();
    this.tell({ type: 'left', userId, reason: 'left' });
  }

  leaveAll(): void {
    for (const userId of this.#seats.keys()) this.leave(userId);
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return text.slice(0, 500);
}
