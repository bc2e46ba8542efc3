import { Logger } from '@nestjs/common';
import type { WebSocket } from 'ws';
import { RAISE_HAND } from '../../classroom/hands.service.js';
import type { EmulatorClient, Target } from '../emulator/emulator.client.js';
import type { FanOutService } from '../fan-out/fan-out.service.js';
import type { SimulatedFanOut } from '../fan-out/simulated-fan-out.js';
import type { ReceiptNewsService } from '../receipts/receipt-news.service.js';
import type { LiveCommand } from './live-command.js';
import type { LiveEvent } from './live-event.js';
import { RoomSeats } from './room-seats.js';

/** A page that does not take what it is told is told less, rather than having it pile up here. */
const MAX_BUFFERED_BYTES = 4 * 1_048_576;

/** Close code: the app failed. */
const FAILED = 1_011;

/** One open page: the users whom it let join, and its fan-out. Both end with it. */
export class LiveSession {
  roomId = '';
  /** Whose receipts the page looks at. */
  messageId = '';
  readonly #seats: RoomSeats;
  #fanOut: AbortController | undefined;
  /** What the page was told that messages go to; undefined before it was. */
  #target: Target | undefined;

  constructor(
    private readonly socket: WebSocket,
    private readonly emulator: Pick<EmulatorClient, 'target' | 'join'>,
    private readonly fanOuts: Pick<FanOutService, 'run'>,
    private readonly receipts: Pick<ReceiptNewsService, 'of'>,
  ) {
    this.#seats = new RoomSeats(
      (roomId, userId) => emulator.join(roomId, userId),
      (event) => this.tell(event),
    );
    socket.on('close', () => this.#end());
  }

  tell(event: LiveEvent): void {
    if (!this.#isOpen || this.socket.bufferedAmount > MAX_BUFFERED_BYTES) return;
    this.socket.send(JSON.stringify(event));
    if (event.type === 'ready' || event.type === 'target') this.#target = event.target;
  }

  /** Tells what messages go to, if the page was told otherwise. */
  tellTarget(target: Target): void {
    if (this.#target !== undefined && this.#target !== target) this.tell({ type: 'target', target });
  }

  /** Never rejects: what fails in a way that no one foresaw ends this page's connection, and nothing else. */
  async handle(command: LiveCommand): Promise<void> {
    try {
      await this.#obey(command);
    } catch (error) {
      Logger.error(error, 'Console');
      this.socket.close(FAILED);
    }
  }

  async #obey(command: LiveCommand): Promise<void> {
    switch (command.type) {
      case 'hello':
        break;
      case 'room':
        if (command.roomId !== this.roomId) this.#seats.leaveAll();
        this.roomId = command.roomId;
        break;
      case 'join':
        await this.#join(this.roomId, command.userId);
        break;
      case 'leave':
        this.#seats.leave(command.userId);
        break;
      case 'raise_hand':
        this.#seats.sendToServer(command.userId, RAISE_HAND);
        break;
      case 'fan_out':
        await this.#run(command);
        break;
      case 'cancel':
        this.#fanOut?.abort();
        break;
      case 'receipts':
        this.#watch(command.messageId);
        break;
    }
  }

  async #join(roomId: string, userId: string): Promise<void> {
    // The real service has no such thing as joining for someone.
    if ((await this.emulator.target()) !== 'emulator') return;
    // Meanwhile the page may have gone to another room, or be closed: no one would let them leave again.
    if (roomId === this.roomId && this.#isOpen) this.#seats.join(roomId, userId);
  }

  #watch(messageId: string): void {
    this.messageId = messageId;
    this.tell({ type: 'receipts', messageId, confirmed: this.receipts.of(messageId) });
  }

  async #run(request: SimulatedFanOut): Promise<void> {
    if (this.#fanOut !== undefined) {
      this.tell({ type: 'fan_out_ended', refused: 'busy' });
      return;
    }
    const stopping = new AbortController();
    this.#fanOut = stopping;
    try {
      const end = await this.fanOuts.run(request, stopping.signal, (progress) =>
        this.tell({ type: 'progress', progress }),
      );
      this.tell({ type: 'fan_out_ended', ...end });
    } finally {
      this.#fanOut = undefined;
    }
  }

  get #isOpen(): boolean {
    return this.socket.readyState === this.socket.OPEN;
  }

  #end(): void {
    this.#fanOut?.abort();
    this.#seats.leaveAll();
  }
}
