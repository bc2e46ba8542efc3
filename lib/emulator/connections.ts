import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { InFlight } from './in-flight.js';
import { onceOver } from './once-over.js';

/** So many requests of one connection may wait for their answers. */
const MAX_UNANSWERED = 100;
/** What requests that wait for their answers take up, of all connections together. */
const MAX_WAITING_BYTES = 33_554_432;
/** What a request takes up beside its headers. */
const REQUEST_BYTES = 4_096;

/** Who is connected. When there are too many, the connection that has been quiet the longest makes way. */
export class Connections {
  /** Those for requests: the one that has been quiet the longest is the first. */
  readonly #forRequests = new Set<Socket>();
  readonly #unanswered = new WeakMap<Socket, number>();
  readonly #waiting = new InFlight(MAX_WAITING_BYTES);
  #count = 0;
  #ended = 0;

  constructor(private readonly max: number) {}

  /** How many were ended because they, or their requests, were too many. */
  get ended(): number {
    return this.#ended;
  }

  add(socket: Socket): void {
    this.#forRequests.add(socket);
    this.#count += 1;
    socket.once('close', () => {
      this.#forRequests.delete(socket);
      this.#count -= 1;
    });
    const [quietest] = this.#forRequests;
    if (this.#count > this.max && quietest !== undefined) this.#end(quietest);
  }

  /** @returns false if the request is one too many, and its connection ends here */
  admit(socket: Socket, { rawHeaders }: IncomingMessage, response: ServerResponse): boolean {
    if (socket.destroyed) return false;
    const unanswered = (this.#unanswered.get(socket) ?? 0) + 1;
    if (unanswered > MAX_UNANSWERED) {
      this.#end(socket);
      return false;
    }
    this.#unanswered.set(socket, unanswered);
    this.#touch(socket);
    const waiting = this.#waiting.begin(() => this.#end(socket));
    onceOver(response, () => {
      this.#waiting.end(waiting);
      this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 1) - 1);
      this.#touch(socket);
    });
    this.#waiting.grow(
      waiting,
      rawHeaders.reduce((sum, { length }) => sum + length, REQUEST_BYTES),
    );
    return !socket.destroyed;
  }

  /** It is for no more requests, and makes no way for those that are. */
  upgrade(socket: Socket): void {
    this.#forRequests.delete(socket);
  }

  #touch(socket: Socket): void {
    if (this.#forRequests.delete(socket)) this.#forRequests.add(socket);
  }

  #end(socket: Socket): void {
    if (socket.destroyed) return;
    this.#ended += 1;
    this.#forRequests.delete(socket);
    socket.destroy();
  }
}
