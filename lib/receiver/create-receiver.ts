import { createConfirmations, within } from './confirmations.js';
import { type ClientMessage, unframe } from './frame.js';
import { splitIds } from './receipt-text.js';

// Of browsers, and of everything else: their types come with each of these, and this entry needs none.
declare const reportError: ((error: unknown) => void) | undefined;
declare const console: { error(error: unknown): void };

/** A message as the app is given it. */
export interface ReceivedMessage {
  /** The sender's user ID. */
  readonly from: string;
  /** Without the prefix. What has none is the very value that the SDK gave. */
  readonly message: ClientMessage;
  /** As the server knows it. Absent for a message without a prefix. */
  readonly messageId?: string;
}

/** Keeps over restarts which messages were received, for one user: a message to several users has one ID. */
export interface ReceiverStorage {
  /** What was saved last; null or undefined if nothing was. Messages wait for it for up to 3 s. */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /** Saves a text of up to 32 KB. It is called with each message; a promise is waited for before the next call. */
  save(seen: string): unknown;
}

/** What `createReceiver()` takes. */
export interface ReceiverOptions {
  /**
   * Sends a text to the business server, at most eight times a second: the SDK's `sendServerMessage()`. If it throws,
   * rejects or takes more than 10 s, the text is sent again, up to eight times in about two minutes.
   */
  readonly confirm: (receipts: string) => unknown;
  /**
   * Takes a message. It is confirmed when this returns, or when the promise that this returns is fulfilled. What it
   * throws is reported like that of an event's listener (`reportError()`, or `console.error()`), and the message is
   * neither confirmed nor given again.
   */
  readonly onMessage: (received: ReceivedMessage) => unknown;
  /** Default: after a restart, a message that is sent again is shown again. */
  readonly storage?: ReceiverStorage | undefined;
}

/** What the SDK for the Web gives its callbacks. */
export interface WebMessage {
  /** The sender's user ID. */
  readonly userId: string;
  /** Text, or an `ArrayBuffer`. */
  readonly message: unknown;
}

/** Takes what an SDK receives. */
export interface Receiver {
  /** Takes the arguments of any of the SDK's callbacks for messages. It needs no `this`, and never throws. */
  readonly receive: {
    /** Web. */
    (received: WebMessage): void;
    /** Electron. */
    (userId: string, message: unknown): void;
    /** Android and iOS. */
    (msgid: unknown, userId: string, message: unknown): void;
  };
  /** Confirms what waits for it once more, and then nothing: for a logout. */
  readonly close: () => void;
}

/** Copies come within seconds, or minutes from a durable fan-out. */
const MAX_SEEN = 10_000;
const MAX_STORED = 1_000;
const LOAD_MS = 3_000;

/**
 * Receives messages that were sent with `receipt` or `once`: takes the prefix off, drops copies, and confirms what is to
 * be confirmed. All other messages are handed on as they are.
 */
export function createReceiver({ confirm, onMessage, storage }: ReceiverOptions): Receiver {
  const seen = new Set<string>();
  const confirmations = createConfirmations(confirm);
  /** Until `storage` has loaded. */
  let held: unknown[][] | undefined = storage && [];

  const remember = (ids: readonly string[]): void => {
    for (const id of ids) seen.add(id);
    for (const oldest of seen) {
      if (seen.size <= MAX_SEEN) return;
      seen.delete(oldest);
    }
  };

  const hand = async (received: ReceivedMessage): Promise<boolean> => {
    try {
      await onMessage(received);
      return true;
    } catch (error) {
      (typeof reportError === 'function' ? reportError : console.error)(error);
      return false;
    }
  };

  const take = async (given: readonly unknown[]): Promise<void> => {
    const { from, message } = readArguments(given);
    const framed = unframe(from, message);
    if (framed === undefined) return void (await hand({ from, message }));
    const { messageId } = framed;
    if (seen.has(messageId)) return;
    remember([messageId]);
    // A full storage must not keep messages from the app.
    if (storage) void attempt(() => storage.save([...seen].slice(-MAX_STORED).join('')));
    const isTaken = await hand({ from, message: framed.message, messageId });
    if (isTaken && framed.isReceiptWanted) confirmations.add(messageId);
  };

  const begin = async (from: ReceiverStorage): Promise<void> => {
    // Late is better than never, if there is no waiting for it.
    await attempt(() => within(LOAD_MS, async () => remember(splitIds((await from.load()) ?? ''))));
    const given = held ?? [];
    held = undefined;
    for (const one of given) void take(one);
  };

  if (storage) void begin(storage);
  return {
    receive: (...given: unknown[]) => {
      if (held === undefined) void take(given);
      else held.push(given);
    },
    close: () => confirmations.close(),
  };
}

/** Of a callback's arguments, the last two are the sender and the message, or the only one holds them. */
function readArguments(given: readonly unknown[]): { from: string; message: ClientMessage } {
  const [message, userId] = [...given].reverse();
  const isOne = given.length === 1 && typeof message === 'object' && message !== null;
  const read = (isOne ? message : { userId, message }) as { userId: string; message: ClientMessage };
  return { from: read.userId, message: read.message };
}

/** Does it at once, and leaves a failure alone. */
async function attempt(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch {
    // It is not needed.
  }
}
