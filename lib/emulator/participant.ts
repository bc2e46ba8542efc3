import { EventEmitter } from 'node:events';
import type { ReceivedMessage as ShownMessage } from '../receiver/create-receiver.js';
import type { LeaveReason } from './callback.js';
import { isDelivered } from './callback-sender.js';
import type { Callbacks } from './callbacks.js';
import { readCallbackUrl } from './callback-url.js';
import { QuotaWindow } from './quota-window.js';
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
export function toMessageJson(received: ReceivedMessage): object {
  return { ...received, message: textOf(received.message) };
}

/** A message as a text: bytes in base64. */
export function textOf(message: string | Uint8Array): string {
  return typeof message === 'string' ? message : Buffer.from(message).toString('base64');
}

/** The client SDK's callbacks for text: to a user in a room, to everyone in a room, to a user outside of rooms. */
export type TextCallback =
  'onUserMessageReceived' | 'onRoomMessageReceived' | 'onUserMessageReceivedOutsideRoom';

/** The client SDK's callbacks for binary, likewise. */
export type BinaryCallback =
  'onUserBinaryMessageReceived' | 'onRoomBinaryMessageReceived' | 'onUserBinaryMessageReceivedOutsideRoom';

/** What became of a message to the business server, by the native client SDKs' names (`UserMessageSendResult`). */
export type ServerMessageError =
  | 'Success'
  /** More than 20 in a second. */
  | 'ExceedQPS'
  /** More than 64 KB. */
  | 'ExceedMaxLength'
  /** The user has left. */
  | 'NotLogin'
  /** There was no `setServerParams()`. */
  | 'ServerParamsNotSet'
  /** The business server was not reached. */
  | 'E2BSSendFailed'
  /** It was reached, and no good answer of at most 64 KB came back within five seconds. */
  | 'E2BSReturnFailed';

/** What `onServerMessageSendResult(msgid, error, message)` tells a client. */
export interface ServerMessageResult<Message extends string | Uint8Array = string | Uint8Array> {
  /** The number of the message: a client's first one is 1. */
  readonly msgid: number;
  /** `Success`, or why there is no answer. */
  readonly error: ServerMessageError;
  /** The business server's answer: text to a text, bytes to bytes. Empty without one. */
  readonly message: Message;
}

type CallbackEvents = Record<TextCallback, [from: string, message: string]> &
  Record<BinaryCallback, [from: string, message: Uint8Array]>;

interface ParticipantEvents extends CallbackEvents {
  /** Whatever was received, in one form. */
  received: [message: ReceivedMessage];
  /** What became of a message to the business server. */
  onServerMessageSendResult: [msgid: number, error: ServerMessageError, message: string | Uint8Array];
  /** The participant left or logged out, or another one with the same ID replaced it. */
  left: [];
  /** It takes and sends nothing more: it left, or the emulator closed. */
  closed: [];
  /** The app's receiver has handed a message on. */
  shown: [message: ShownMessage];
}

const MAX_MESSAGE_BYTES = 65_536;
const MESSAGES_PER_SECOND = 20;
const MAX_SIGNATURE_LENGTH = 4_096;
const NO_ANSWER = Buffer.alloc(0);

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
  /** @internal Milliseconds since the epoch, by this machine's clock. */
  readonly joinedAt = Date.now();
  /** @internal How many were dropped, and came before those. */
  droppedReceived = 0;
  readonly #callbacks: Callbacks;
  readonly #remove: (reason: LeaveReason) => void;
  readonly #window = new QuotaWindow('sliding');
  #serverParams: { readonly signature: string; readonly url: URL } | undefined;
  #sent = 0;
  #isClosed = false;

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
    callbacks: Callbacks,
    remove: (reason: LeaveReason) => void,
  ) {
    super();
    this.#callbacks = callbacks;
    this.#remove = remove;
  }

  /** @internal Whether a message is lost on its way here. */
  loses: (message: ReceivedMessage) => boolean = () => false;

  /**
   * Leaves the room, or logs out.
   * @param reason that the event of it tells. Default `userLeave`.
   */
  leave(reason: LeaveReason = 'userLeave'): void {
    this.#remove(reason);
  }

  /**
   * Sets where messages to the business server go, and the signature that goes with each of them, as the business
   * server has issued it. The service does not look into it.
   * @throws TypeError for what is no URL over http: or https:
   */
  setServerParams(signature: string, url: string): void {
    if (typeof signature !== 'string' || signature.length > MAX_SIGNATURE_LENGTH) {
      throw new TypeError(`signature: must be a string of at most ${MAX_SIGNATURE_LENGTH} characters`);
    }
    this.#serverParams = { signature, url: readCallbackUrl(url) };
  }

  /**
   * Sends a text of at most 64 KB to the business server.
   * @returns what `onServerMessageSendResult` tells, which is emitted too; failures are in its `error`
   */
  sendServerMessage(message: string): Promise<ServerMessageResult<string>> {
    return this.#send(message);
  }

  /** Sends bytes, which reach the business server in base64. All else is as with `sendServerMessage()`. */
  sendServerBinaryMessage(message: Uint8Array): Promise<ServerMessageResult<Uint8Array>> {
    return this.#send(message);
  }

  /** @internal @returns whether it was received */
  receive(message: ReceivedMessage): boolean {
    if (this.#isClosed || this.#isLost(message)) return false;
    this.received.push(message);
    this.#emit(message.event, message.from, message.message);
    this.#emit('received', message);
    return true;
  }

  /** @internal @param hasLeft false where the emulator closes */
  close(hasLeft: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#emit('closed');
    if (hasLeft) this.#emit('left');
  }

  async #send<Message extends string | Uint8Array>(message: Message): Promise<ServerMessageResult<Message>> {
    const msgid = this.#isClosed ? 0 : ++this.#sent;
    const { error, answer = NO_ANSWER } = await this.#post(message);
    // Text to a text, bytes to bytes.
    const read = (typeof message === 'string' ? answer.toString('utf8') : new Uint8Array(answer)) as Message;
    this.#emit('onServerMessageSendResult', msgid, error, read);
    return { msgid, error, message: read };
  }

  async #post(
    message: string | Uint8Array,
  ): Promise<{ readonly error: ServerMessageError; readonly answer?: Buffer }> {
    if (this.#isClosed) return { error: 'NotLogin' };
    if (this.#serverParams === undefined) return { error: 'ServerParamsNotSet' };
    if (Buffer.byteLength(message) > MAX_MESSAGE_BYTES) return { error: 'ExceedMaxLength' };
    if (!this.#window.admit(MESSAGES_PER_SECOND)) return { error: 'ExceedQPS' };
    const { url, signature } = this.#serverParams;
    const { roomId, userId } = this;
    const binary = typeof message !== 'string';
    const action = binary ? 'sendServerBinaryMessage' : 'sendServerMessage';
    const body = { message: textOf(message), binary, signature };
    const end = await this.#callbacks.deliver({ action, roomId, userId, url, body });
    if (isDelivered(end)) return { error: 'Success', answer: end.answer };
    return { error: end?.sent ? 'E2BSReturnFailed' : 'E2BSSendFailed' };
  }

  /** If a test's own function throws, the message is not lost to anyone, and the error surfaces as unhandled. */
  #isLost(message: ReceivedMessage): boolean {
    try {
      return this.loses(message);
    } catch (error) {
      void Promise.reject(error);
      return false;
    }
  }

  /** If a test's own listener throws, the others are served all the same, and the error surfaces as unhandled. */
  #emit(event: keyof ParticipantEvents, ...values: unknown[]): void {
    try {
      (this as EventEmitter).emit(event, ...values);
    } catch (error) {
      void Promise.reject(error);
    }
  }
}

export function userIdOf({ userId }: Participant): string {
  return userId;
}
