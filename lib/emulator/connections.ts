import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { onceOver, tcpSocketOf } from './connection.js';
import { InFlight } from './in-flight.js';

/** So many requests of one connection may wait for their answers. */
const MAX_UNANSWERED = 100;
/** What a request takes up beside its headers. */
const REQUEST_BYTES = 4_096;

/** Who is connected, over TCP. When there are too many, the connection that has been quiet the longest makes way. */
export class Connections {
  readonly #all = new Set<Socket>();
  /** Those for requests: the one that has been quiet the longest is the first. */
  readonly #forRequests = new Set<Socket>();
  readonly #unanswered = new WeakMap<Socket, number>();
  /** Requests that wait for their answers, of all connections together. */
  readonly #waiting = new InFlight();
  /** How many were ended because they, or their requests, were too many. */
  ended = 0;

  constructor(private readonly max: number) {}

  add(tcp: Socket): void {
    this.#all.add(tcp);
    this.#forRequests.add(tcp);
    tcp.once('close', () => {
      this.#all.delete(tcp);
      this.#forRequests.delete(tcp);
    });
    const [quietest] = this.#forRequests;
    if (this.#all.size > this.max && quietest !== undefined) this.#end(quietest);
  }

  /** @returns false if the request is one too many, and its connection ends here */
  admit({ socket, rawHeaders }: IncomingMessage, response: ServerResponse): boolean {
    const tcp = tcpSocketOf(socket);
    if (tcp.destroyed) return false;
    const unanswered = (this.#unanswered.get(tcp) ?? 0) + 1;
    if (unanswered > MAX_UNANSWERED) {
      this.#end(tcp);
      return false;
    }
    this.#unanswered.set(tcp, unanswered);
    this.#touch(tcp);
    const waiting = this.#waiting.begin(() => this.#end(tcp));
    onceOver(response, () => {
      this.#waiting.end(waiting);
      this.#unanswered.set(tcp, (this.#unanswered.get(tcp) ?? 1) - 1);
      this.#touch(tcp);
    });
    this.#waiting.grow(
      waiting,
      rawHeaders.reduce((sum, { length }) => sum + length, REQUEST_BYTES),
    );
    return !tcp.destroyed;
  }

  /** It is for no more requests, and makes no way for those that are. */
  upgrade(tcp: Socket): void {
    this.#forRequests.delete(tcp);
  }

  /** Ends all of them. */
  async close(): Promise<void> {
    const ended = Array.from(this.#all, (tcp) => once(tcp, 'close'));
    for (const tcp of this.#all) tcp.destroy();
    await Promise.all(ended);
  }

  #touch(tcp: Socket): void {
    if (this.#forRequests.delete(tcp)) this.#forRequests.add(tcp);
  }

  #end(tcp: Socket): void {
    if (tcp.destroyed) return;
    this.ended += 1;
    this.#forRequests.delete(tcp);
    tcp.destroy();
  }
}
