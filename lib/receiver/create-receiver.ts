import { type ClientMessage, MAX_RECEIPTS, MESSAGE_ID, unframe, writeReceipts } from './frame.js';

// Of browsers, Electron, React Native and Node. Their types come with each of these, and this entry needs none.
declare function setTimeout(work: () => void, ms: number): unknown;
declare function clearTimeout(timer: unknown): void;
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

/** Keeps over restarts which messages the app has taken, for one user: a message to several users has one ID. */
export interface ReceiverStorage {
  /**
   * What was saved last; null or undefined if nothing was. It is called once, and nothing is saved before it has ended.
   * Until then, but for 3 s at most, messages with a prefix wait.
   */
  load(): string | null | undefined | Promise<string | null | undefined>;
  /**
   * Saves a text of up to 33 KB in place of the last one, after each message that the app has taken. A promise is waited
   * for before the next call. Each receiver needs a place of its own: where two save to one, the last wins.
   */
  save(seen: string): unknown;
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
   * rejects or takes more than 10 s, the receipts are sent again, up to eight times within three minutes. Meanwhile
   * others wait: the last 10,000 receipts. `confirmWith()` makes one for SDKs that give the result by a callback.
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
  /** Takes nothing more, and confirms and saves what the app has taken, once. It is done after 10 s at most. */
  readonly close: () => Promise<void>;
}

/** Copies come within seconds, or minutes from a durable fan-out. */
const MAX_SEEN = 10_000;
const MAX_STORED = 1_000;
const STORAGE_MS = 3_000;
/** A client may send 20 messages a second. These are at most eight, and the rest is the app's. */
const COLLECT_MS = 125;
const CONFIRM_MS = 10_000;
const CLOSE_MS = 10_000;
const LONGEST_PAUSE_MS = 9_000;
const MAX_TRIES = 8;

/**
 * Receives messages that were sent with `receipt` or `once`: takes the prefix off, drops copies, and confirms what is to
 * be confirmed. All other messages are handed on as they are.
 * @throws TypeError without `from`, or one of the functions
 */
export function createReceiver({ from, confirm, onMessage, storage }: ReceiverOptions): Receiver {
  const senders = [from].flat();
  if (senders.length === 0 || !senders.every((sender) => sender && typeof sender === 'string'))
    throw new TypeError("`from`: must be the server's user ID, or a list of them");
  const storing = storage && { 'storage.load': storage.load, 'storage.save': storage.save };
  for (const [name, given] of Object.entries({ confirm, onMessage, ...storing }))
    if (typeof given !== 'function') throw new TypeError(`\`${name}\`: must be a function`);

  /** The last messages: whether the app was given it, has taken it, or has and its receipt is owed. */
  let seen = new Map<string, 'given' | 'taken' | 'owed'>();
  const owed = (): string[] => [...seen.keys()].filter((id) => seen.get(id) === 'owed');
  let isClosed = false;

  let timer: unknown;
  let tries = 0;
  let confirming: Promise<boolean> | undefined;
  /** @returns whether it worked, and there are more */
  const confirmOwed = async (): Promise<boolean> => {
    const ids = owed().slice(0, MAX_RECEIPTS);
    const isSent = ids.length === 0 || (await attempt(() => confirm(writeReceipts(ids)), CONFIRM_MS));
    tries = isSent ? 0 : (tries + 1) % MAX_TRIES;
    if (tries === 0) for (const id of ids) seen.set(id, 'taken');
    timer = undefined;
    const isDone = owed().length === 0;
    if (!isDone) confirmSoon();
    return isSent && !isDone;
  };
  const confirmSoon = (): void => {
    // By chance up to twice as long, since many clients receive a message at once.
    const pauseMs = Math.min(COLLECT_MS * 4 ** tries, LONGEST_PAUSE_MS) * (1 + Math.random());
    if (!isClosed) timer ??= setTimeout(() => (confirming = confirmOwed()), pauseMs);
  };

  const loaded = attempt(async () => {
    const known = ((await storage?.load()) ?? '').match(MESSAGE_ID) ?? [];
    seen = new Map([...known.slice(-MAX_STORED).map((id) => [id, 'taken'] as const), ...seen]);
  });
  let loading: Promise<unknown> | undefined =
    storage && attempt(() => loaded, STORAGE_MS).then(() => (loading = undefined));
  let saving = loaded;
  let isSaving = false;
  /** After what is loaded or saved at present, for all that is taken until then. */
  const save = (): void => {
    if (isSaving) return;
    isSaving = true;
    saving = saving.then(() => {
      isSaving = false;
      const taken = [...seen.keys()].filter((id) => seen.get(id) !== 'given');
      // One that is damaged leaves the others whole, thanks to the spaces.
      return attempt(() => storage?.save(taken.slice(-MAX_STORED).join(' ')));
    });
  };

  const hand = (received: ReceivedMessage): Promise<boolean> =>
    attempt(() => onMessage(received), 0, typeof reportError === 'function' ? reportError : console.error);

  const take = async (from: string, received: ClientMessage): Promise<void> => {
    const framed = senders.includes(from) ? unframe(received) : undefined;
    if (framed === undefined) return void (await hand({ from, message: received }));
    if (loading) await loading;
    if (isClosed) return;
    const { messageId, message, isReceiptWanted } = framed;
    if (!seen.has(messageId)) {
      seen.set(messageId, 'given');
      const [oldest = ''] = seen.keys();
      if (seen.size > MAX_SEEN) seen.delete(oldest);
      if (!(await hand({ from, message, messageId })) || !seen.has(messageId)) return;
      seen.set(messageId, 'taken');
      save();
    }
    // A copy too: perhaps it comes since the receipt was lost.
    if (!isReceiptWanted || seen.get(messageId) === 'given') return;
    seen.set(messageId, 'owed');
    confirmSoon();
  };

  const finish = async (): Promise<void> => {
    await confirming;
    for (let goesOn = true; goesOn;) goesOn = await (confirming = confirmOwed());
    await saving;
  };

  return {
    receive: (...given) => void (isClosed || attempt(() => take(...readArguments(given)))),
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      // Each confirmation has a limit of its own, and the storage has none.
      await attempt(finish, CLOSE_MS);
    },
  };
}

/** Of a callback's arguments, the last two are the sender and the message, or the only one holds them. */
function readArguments(given: readonly unknown[]): [from: string, message: ClientMessage] {
  if (given.length !== 1) return given.slice(-2) as [string, ClientMessage];
  const { userId, message } = given[0] as { userId: string; message: ClientMessage };
  return [userId, message];
}

/** Does it at once. @returns whether it ended well, and in time if that is limited */
async function attempt(
  work: () => unknown,
  limitMs = 0,
  fail = (_: unknown): unknown => _,
): Promise<boolean> {
  let timer: unknown;
  try {
    const late = new Promise((_, reject) => limitMs > 0 && (timer = setTimeout(reject, limitMs)));
    await Promise.race([work(), late]);
    return true;
  } catch (error) {
    fail(error);
    return false;
  } finally {
    clearTimeout(timer);
  }
}
