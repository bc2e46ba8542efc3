import { EventEmitter } from 'node:events';

/** Under the names of the client SDK's callbacks: text arrives as a string, binary as bytes. */
export type ReceivedMessage =
  | {
      readonly event: 'onUserMessageReceived';
      readonly from: string;
      readonly message: string;
      readonly at: Date;
    }
  | {
      readonly event: 'onUserBinaryMessageReceived';
      readonly from: string;
      readonly message: Uint8Array;
      readonly at: Date;
    };

interface ParticipantEvents {
  onUserMessageReceived: [from: string, message: string];
  onUserBinaryMessageReceived: [from: string, message: Uint8Array];
  /** Whatever was received, in one form. */
  received: [message: ReceivedMessage];
  /** Left, or put out by another who joined under the same ID. */
  left: [];
}

/** A user in a room, as the client SDK would be. */
export class Participant extends EventEmitter<ParticipantEvents> {
  /** Oldest first; beyond the emulator's `keep`, the oldest are dropped. */
  readonly received: ReceivedMessage[] = [];

  /** @internal Participants come from `room.join()`. */
  constructor(
    readonly userId: string,
    private readonly keep: number,
    private readonly onLeave: (participant: Participant) => void,
  ) {
    super();
  }

  leave(): void {
    this.onLeave(this);
  }

  /** @internal */
  receive(message: ReceivedMessage): void {
    this.received.push(message);
    if (this.received.length > this.keep) this.received.shift();
    if (message.event === 'onUserMessageReceived') this.emit(message.event, message.from, message.message);
    else this.emit(message.event, message.from, message.message);
    this.emit('received', message);
  }
}
