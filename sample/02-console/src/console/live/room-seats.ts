import { RtcValidationError } from 'nestjs-rtc-messaging';
import type { IncomingMessage } from 'node:http';
import type { RawData, WebSocket } from 'ws';
import type { LiveEvent } from './live-event.js';
import { SeatApp } from './seat-app.js';

/** The emulator's close code for someone who was put out of the room. */
const PUT_OUT = 4_001;
/** How many users a page may have in a room. */
const MAX_SEATS = 50;

/** Opens a user's connection to a room. */
export type OpenSeat = (roomId: string, userId: string) => WebSocket;

interface Seat {
  readonly socket: WebSocket;
  readonly app: SeatApp;
  /** Whether the page was told that it was taken; only then is it told that it was left. */
  joined: boolean;
}

/** The users whom one page has let join a room, each over a connection of its own, as clients have. */
export class RoomSeats {
  readonly #seats = new Map<string, Seat>();

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
    const socket = this.#open(roomId, userId);
    if (socket === undefined) return;
    const app = new SeatApp(userId, socket, this.tell);
    const seat: Seat = { socket, app, joined: false };
    this.#seats.set(userId, seat);
    let problem = '';
    socket.on('open', () => {
      seat.joined = true;
      this.tell({ type: 'joined', userId });
    });
    socket.on('message', (data: RawData) => app.hear(JSON.parse(String(data))));
    socket.on('unexpected-response', async (_request: unknown, response: IncomingMessage) => {
      problem = await readText(response).catch(() => '');
      socket.terminate();
    });
    socket.on('error', ({ message }) => (problem ||= message));
    socket.on('close', (code) => {
      app.end();
      if (this.#seats.get(userId) !== seat) return;
      this.#seats.delete(userId);
      if (seat.joined) this.tell({ type: 'left', userId, reason: code === PUT_OUT ? 'replaced' : 'lost' });
      else this.tell({ type: 'not_joined', userId, message: problem });
    });
  }

  /** Has a user's client send a text to this app, over the service. */
  sendToServer(userId: string, message: string): void {
    const seat = this.#seats.get(userId);
    if (seat?.joined) seat.app.send(message);
  }

  leave(userId: string): void {
    const seat = this.#seats.get(userId);
    if (seat === undefined) return;
    this.#seats.delete(userId);
    if (!seat.joined) return seat.socket.close();
    void seat.app.close().then(() => seat.socket.close());
    this.tell({ type: 'left', userId, reason: 'left' });
  }

  leaveAll(): void {
    for (const userId of this.#seats.keys()) this.leave(userId);
  }

  #open(roomId: string, userId: string): WebSocket | undefined {
    try {
      return this.open(roomId, userId);
    } catch (error) {
      // No token is issued for what is no ID.
      if (!(error instanceof RtcValidationError)) throw error;
      this.tell({ type: 'not_joined', userId, message: error.message });
      return undefined;
    }
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  return text.slice(0, 500);
}
