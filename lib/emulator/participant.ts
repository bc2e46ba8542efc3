import { EventEmitter } from 'node:events';
import type { ReceivedMessage as ShownMessage } from '../receiver/create-receiver.js';
import type { ReceiverStorage } from '../receiver/seen-storage.js';
import type { ServerMessageMethod } from './callback-action.js';
import type { ClientToken } from './read-token.js';
import type { LeaveReason } from './room-events.js';
import {
  type PostMessage,
  type ServerMessageError,
  type ServerMessageResult,
  ServerMessages,
} from './server-messages.js';

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
  /** What became of a message to the business server. */
  onServerMessageSendResult: [msgid: number, error: ServerMessageError, message: string | Uint8Array];
  /** The participant left or logged out, another one with the same ID replaced it, or the emulator closed. */
  left: [];
  /** The app's receiver has handed a message on. */
  shown: [message: ShownMessage];
}

/** How the app of a participant receives, which uses `nestjs-rtc-messaging/receiver`. */
export interface ParticipantReceiver {
  /** Whose messages may have a prefix, as in `createReceiver()`. Default: the sender of `moduleOptions()`. */
  readonly from?: string | readonly string[] | undefined;
  /** Keeps over restarts (another `join()`) which messages were shown, as in `createReceiver()`. Default: nothing does. */
  readonly storage?: ReceiverStorage | undefined;
  /** Whether a message is lost on its way, so that it is neither delivered nor counted. Default: none is. */
  readonly loses?: ((message: ReceivedMessage) => boolean) | undefined;
  /**
   * How long its receipts wait before they leave, in milliseconds up to 2,147,483,647 (24 days); `Infinity` for never.
   * They leave once, and again if they did not arrive. Default 0.
   */
  readonly confirmAfterMs?: number | undefined;
}

/** What a participant is made of. */
interface ParticipantParts {
  readonly userId: string;
  readonly number: number;
  readonly invisible: boolean;
  readonly token: ClientToken | undefined;
  readonly receiver: ParticipantReceiver | undefined;
  onLeave(participant: Participant, reason: LeaveReason): void;
  readonly post: PostMessage;
}

/**
 * A user in a room, or logged in outside of rooms, as the client SDK would be. It emits the client SDK's
 * callbacks, `received` for each message in one form, and `left` when the user left or was put out. It sends to the
 * business server as the client SDK does.
 */
export class Participant extends EventEmitter<ParticipantEvents> {
  /** Received messages, oldest first. Beyond the emulator's `keepBytes`, the oldest are dropped. */
  readonly received: ReceivedMessage[] = [];
  /**
   * What the receiver in the participant's app has handed on (see `JoinOptions.receiver`), oldest first: the last
   * 10,000.
   */
  readonly shown: ShownMessage[] = [];
  /** @internal Whether a message is lost on its way here. */
  readonly loses: (message: ReceivedMessage) => boolean;
  /** @internal By this machine's clock. */
  readonly joinedAt = Date.now();
  /** @internal How many were dropped, and came before those. */
  droppedReceived = 0;
  /** Under which the user joined. */
  readonly userId: string;
  /** @internal Those who come later have a higher one. */
  readonly number: number;
  /** Whether the user watches unseen. */
  readonly invisible: boolean;
  /** What the token says that the user came with, if there was one. */
  readonly token: ClientToken | undefined;
  readonly #onLeave: ParticipantParts['onLeave'];
  /** Undefined once the user has left. */
  #server: ServerMessages | undefined;

  /** @internal Participants come from `room.join()` and `emulator.login()`. */
  constructor({ userId, number, invisible, token, receiver, onLeave, post }: ParticipantParts) {
    super();
    this.userId = userId;
    this.number = number;
    this.invisible = invisible;
    this.token = token;
    this.#onLeave = onLeave;
    this.#server = new ServerMessages(post);
    this.loses = (message) => {
      try {
        return receiver?.loses?.(message) === true;
      } catch {
        process.emitWarning(
          `loses() of the receiver of ${userId} threw. The message is not lost.`,
          'RtcEmulatorWarning',
        );
        return false;
      }
    };
  }

  /**
   * Leaves the room, or logs out.
   * @param reason that the event of it tells. Default `userLeave`.
   */
  leave(reason: LeaveReason = 'userLeave'): void {
    this.#onLeave(this, reason);
  }

  /**
   * Sets where messages to the business server go, and the signature that goes with each of them, as the business
   * server has issued it. The service does not look into it.
   * @throws TypeError for what is no URL over http: or https:
   */
  setServerParams(signature: string, url: string): void {
    this.#server?.setParams(signature, url);
  }

  /**
   * Sends a text of at most 64 KB to the business server.
   * @returns what `onServerMessageSendResult` tells, which is emitted too; failures are in its `error`
   */
  async sendServerMessage(message: string): Promise<ServerMessageResult<string>> {
    const { answer, ...end } = await this.#send('sendServerMessage', message, Buffer.byteLength(message));
    return this.#tellResult({ ...end, message: answer.toString('utf8') });
  }

  /** Sends bytes, which reach the business server in base64. All else is as with `sendServerMessage()`. */
  async sendServerBinaryMessage(message: Uint8Array): Promise<ServerMessageResult<Uint8Array>> {
    const text = Buffer.from(message).toString('base64');
    const { answer, ...end } = await this.#send('sendServerBinaryMessage', text, message.length);
    return this.#tellResult({ ...end, message: new Uint8Array(answer) });
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
    if (this.#server === undefined) return;
    this.#server = undefined;
    this.#emit('left');
  }

  #send(...message: [ServerMessageMethod, string, number]): ReturnType<ServerMessages['send']> {
    return (
      this.#server?.send(...message) ??
      Promise.resolve({ msgid: 0, error: 'NotLogin' as const, answer: Buffer.alloc(0) })
    );
  }

  #tellResult<Result extends ServerMessageResult>(result: Result): Result {
    this.#emit('onServerMessageSendResult', result.msgid, result.error, result.message);
    return result;
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
