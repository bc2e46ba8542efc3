import { EventEmitter } from 'node:events';
import type { ClientToken } from './read-token.js';

/** A message as a client receives it: text arrives as a string, binary as bytes. */
export type ReceivedMessage = {
  /** The sender's user ID. */
  readonly from: string;
  /** When it was delivered, by the emulator's clock. */
  readonly at: Date;
  /**
   * The number that native SDKs (3.60 on) hand their callbacks; those for Web and Electron have none. The same for all
   * who are sent a message at once, and another one when it is sent again: nothing to recognise duplicates by.
   */
  readonly msgid: number;
} & (
  | {
      /** The callback under which the client SDK hands it on. */
      readonly event: TextCallback;
      /** The text. */
      readonly message: string;
    }
  | {
      /** The callback under which the client SDK hands it on. */
      readonly event: BinaryCallback;
      /** The bytes, decoded from base64. */
      readonly message: Uint8Array;
    }
);

/** A received message as JSON, for other processes: bytes are base64. */
export function toMessageJson({ event, msgid, from, at, message }: ReceivedMessage): object {
  const text = typeof message === 'string' ? message : Buffer.from(message).toString('base64');
  return { event, msgid, from, message: text, at };
}

/** The client SDK's callbacks for text: to a user in a room, to everyone in a room, to a user outside of rooms. */
export type TextCallback =
  'onUserMessageReceived' | 'onRoomMessageReceived' | 'onUserMessageReceivedOutsideRoom';

/** The client SDK's callbacks for binary, likewise. */
export type BinaryCallback =
  'onUserBinaryMessageReceived' | 'onRoomBinaryMessageReceived' | 'onUserBinaryMessageReceivedOutsideRoom';

type CallbackEvents = Record<TextCallback, [from: string, message: string]> &
  Record<BinaryCallback, [from: string, message: Uint8Array]>;

interface ParticipantEvents extends CallbackEvents {
  /** Whatever was received, in one form. */
  received: [message: ReceivedMessage];
  /** The participant left or logged out, or another one with the same ID replaced it. */
  left: [];
}

/**
 * A user in a room, or logged in outside of rooms, as the client SDK would be. It emits the client SDK's
 * callbacks, `received` for each message in one form, and `left` when the user left or was put out.
 */
export class Participant extends EventEmitter<ParticipantEvents> {
  /** Received messages, oldest first. Beyond the emulator's `keepBytes`, the oldest are dropped. */
  readonly received: ReceivedMessage[] = [];
  /** @internal By this machine's clock. */
  readonly joinedAt = Date.now();
  /** @internal How many were dropped, and came before those. */
  droppedReceived = 0;

  /** @internal Participants come from `room.join()` and `emulator.login()`. */
  constructor(
    /** Under which the user joined. */
    readonly userId: string,
    /** @internal Those who come later have a higher one. */
    readonly number: number,
    /** Whether the user watches unseen. */
    readonly invisible: boolean,
    /** What the token says that the user came with, if there was one. */
    readonly token: ClientToken | undefined,
    private readonly onLeave: (participant: Participant) => void,
  ) {
    super();
  }

  /** Leaves the room, or logs out. */
  leave(): void {
    this.onLeave(this);
  }

  /** @internal Forgets the first so many, or all, which have then never been there. */
  forget(count?: number): void {
    if (count === undefined) this.received.length = this.droppedReceived = 0;
    else this.droppedReceived += this.received.splice(0, count).length;
  }

  /** @internal @returns whether none of the listeners threw */
  receive(message: ReceivedMessage): boolean {
    this.received.push(message);
    const heard = this.#emit(message.event, message.from, message.message);
    return this.#emit('received', message) && heard;
  }

  /** @internal */
  hasLeft(): void {
    this.#emit('left');
  }

  /** If a test's own listener throws, the other listeners are still called, and the error surfaces as unhandled. */
  #emit(event: keyof ParticipantEvents, ...values: unknown[]): boolean {
    let isWell = true;
    for (const listener of this.rawListeners(event)) {
      try {
        Reflect.apply(listener, this, values);
      } catch (error) {
        isWell = false;
        void Promise.reject(error);
      }
    }
    return isWell;
  }
}
