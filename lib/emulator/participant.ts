import { EventEmitter } from 'node:events';
import type { ReceivedMessage as ShownMessage } from '../receiver/create-receiver.js';
import type { Callback } from './callback.js';
import type { PostEnd } from './post.js';
import type { ClientToken } from './read-token.js';
import type { LeaveReason } from './room-events.js';
import { type ServerMessageError, type ServerMessageResult, ServerMessages } from './server-messages.js';

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

/** What the service does for a participant. */
export interface ParticipantService {
  remove(participant: Participant, reason: LeaveReason): void;
  /** Posts a client's message to the business server. */
  post(message: Callback): Promise<PostEnd | undefined>;
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
  /** @internal By this machine's clock. */
  readonly joinedAt = Date.now();
  /** @internal How many were dropped, and came before those. */
  droppedReceived = 0;
  readonly #service: ParticipantService;
  readonly #server: ServerMessages;

  /** @internal Participants come from `room.join()` and `emulator.login()`. */
  constructor(
    /** Under which the user joined. */
    readonly userId: string,
    /** @internal Undefined outside of rooms. */
    readonly roomId: string | undefined,
    /** Whether the user watches unseen. */
    readonly invisible: boolean,
    /** What the token says that the user came with, if there was one. */
    readonly token: ClientToken | undefined,
    service: ParticipantService,
  ) {
    super();
    this.#service = service;
    this.#server = new ServerMessages((message) => service.post({ ...message, roomId, userId }));
  }

  /** @internal Whether a message is lost on its way here. */
  loses: (message: ReceivedMessage) => boolean = () => false;

  /**
   * Leaves the room, or logs out.
   * @param reason that the event of it tells. Default `userLeave`.
   */
  leave(reason: LeaveReason = 'userLeave'): void {
    this.#service.remove(this, reason);
  }

  /**
   * Sets where messages to the business server go, and the signature that goes with each of them, as the business
   * server has issued it. The service does not look into it.
   * @throws TypeError for what is no URL over http: or https:
   */
  setServerParams(signature: string, url: string): void {
    this.#server.setParams(signature, url);
  }

  /**
   * Sends a text of at most 64 KB to the business server.
   * @returns what `onServerMessageSendResult` tells, which is emitted too; failures are in its `error`
   */
  async sendServerMessage(message: string): Promise<ServerMessageResult<string>> {
    const { answer, ...end } = await this.#server.send(
      'sendServerMessage',
      message,
      Buffer.byteLength(message),
    );
    return this.#tellResult({ ...end, message: answer.toString('utf8') });
  }

  /** Sends bytes, which reach the business server in base64. All else is as with `sendServerMessage()`. */
  async sendServerBinaryMessage(message: Uint8Array): Promise<ServerMessageResult<Uint8Array>> {
    const text = Buffer.from(message).toString('base64');
    const { answer, ...end } = await this.#server.send('sendServerBinaryMessage', text, message.length);
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
    if (this.#server.isClosed) return;
    this.#server.close();
    this.#emit('left');
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
