import { createConfirmations } from './confirmations.js';
import { type ClientMessage, unframe } from './frame.js';
import { attempt, dropOldest, needFunctions, within } from './limits.js';
import { createSeenStorage, type ReceiverStorage } from './seen-storage.js';

// Of browsers, and of everything else: their types come with each of these, and this entry needs none.
declare const reportError: ((error: unknown) => void) | undefined;
declare const console: { error(error: unknown): void };

/** A message as the app is given it. */
export interface ReceivedMessage {
  /** The sender's user ID. */
  readonly from: string;
  /** Without the prefix. What has none is the very value that the SDK gave. */
  readonly message: ClientMessage;
  /** As the server knows it. Absent for a message without a prefix, and for one of another sender. */
  readonly messageId?: string;
}

/** What `createReceiver()` takes. */
export interface ReceiverOptions {
  /**
   * The user IDs under which the business server sends: the `from` of its messages. Only their messages are taken for
   * framed ones; a user can send the like, which is handed on as it is.
   */
  readonly from: string | readonly string[];
  /**
   * Sends a text to the business server, at most eight times a second: the SDK's `sendServerMessage()`. If it throws,
   * rejects or takes more than 10 s, the text is sent again, up to eight times within three minutes. Meanwhile others
   * wait: the last 10,000 receipts. `confirmWith()` makes one for SDKs that give the result by a callback.
   */
  readonly confirm: (receipts: string) => unknown;
  /**
   * Takes a message. It is confirmed when this returns, or when the promise that this returns is fulfilled. What it
   * throws is reported like that of an event's listener (`reportError()`, or `console.error()`), and the message is
   * neither confirmed nor given again, except after a restart.
   */
  readonly onMessage: (received: ReceivedMessage) => unknown;
  /**
   * Default: after a restart, a message that is sent again is shown again. With it, so is one that the app was not done
   * with when it ended.
   */
  readonly storage?: ReceiverStorage | undefined;
}

/** Takes what an SDK receives. */
export interface Receiver {
  /**
   * The listener of each of the SDK's callbacks for messages, whose arguments may be `({ userId, message })` (Web),
   * `(userId, message)` (Electron) or `(msgid, userId, message)` (Android and iOS). It needs no `this`, and never throws.
   */
  readonly receive: (...given: unknown[]) => void;
  /**
   * Takes nothing more, confirms what the app has taken, and saves it: for a logout. It is done when both have ended,
   * or after 10 s, and never rejects.
   */
  readonly close: () => Promise<void>;
}

/** Copies come within seconds, or minutes from a durable fan-out. */
const MAX_SEEN = 10_000;
const CLOSE_MS = 10_000;

/**
 * Receives messages that were sent with `receipt` or `once`: takes the prefix off, drops copies, and confirms what is to
 * be confirmed. All other messages are handed on as they are.
 * @throws TypeError without `from`, or one of the functions
 */
export function createReceiver({ from, confirm, onMessage, storage }: ReceiverOptions): Receiver {
  const senders = [from].flat();
  if (senders.length === 0 || !senders.every((sender) => sender && typeof sender === 'string'))
    throw new TypeError("`from`: must be the server's user ID, or a list of them");
  needFunctions({ confirm, onMessage });
  if (storage) needFunctions({ 'storage.load': storage.load, 'storage.save': storage.save });
  const confirmations = createConfirmations(confirm);
  /** Whether the app has taken it. */
  const seen = new Map<string, boolean>();
  const seenStorage = storage && createSeenStorage(storage, seen);
  let loading: Promise<unknown> | undefined = seenStorage?.loaded.then(() => (loading = undefined));
  const taking = new Set<Promise<unknown>>();
  let isClosed = false;

  const remember = (id: string, isTaken: boolean): void => {
    seen.set(id, isTaken);
    dropOldest(seen, MAX_SEEN);
  };

  const hand = (received: ReceivedMessage): Promise<boolean> =>
    attempt(() => onMessage(received), typeof reportError === 'function' ? reportError : console.error);

  const take = async (given: readonly unknown[]): Promise<void> => {
    const received = readable(() => readArguments(given)) ?? ({ message: given[0] } as ReceivedMessage);
    const framed = senders.includes(received.from) ? readable(() => unframe(received.message)) : undefined;
    if (framed === undefined) return void (await hand(received));
    if (loading) await loading;
    if (isClosed) return;
    const { messageId, message, isReceiptWanted } = framed;
    if (!seen.has(messageId)) {
      remember(messageId, false);
      if (await hand({ from: received.from, message, messageId })) {
        remember(messageId, true);
        seenStorage?.save();
      }
    }
    // A copy too: perhaps it comes since the receipt was lost.
    if (isReceiptWanted && seen.get(messageId)) confirmations.add(messageId);
  };

  const finish = async (): Promise<void> => {
    await Promise.all(taking);
    await Promise.all([confirmations.close(), seenStorage?.saved()]);
  };

  return {
    receive: (...given) => {
      if (isClosed) return;
      const work = attempt(() => take(given));
      taking.add(work);
      void work.then(() => taking.delete(work));
    },
    close: async () => {
      isClosed = true;
      void confirmations.close();
      await attempt(() => within(CLOSE_MS, finish));
    },
  };
}

/** Of a callback's arguments, the last two are the sender and the message, or the only one holds them. */
function readArguments(given: readonly unknown[]): ReceivedMessage {
  const [message, userId] = [...given].reverse();
  const isOne = given.length === 1 && typeof message === 'object';
  const read = (isOne ? message : { userId, message }) as { userId: string; message: ClientMessage };
  return { from: read.userId, message: read.message };
}

/** @returns undefined for what can't be read, which is then handed on as it is */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
