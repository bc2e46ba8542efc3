import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import {
  createReceiver,
  type ReceivedMessage,
  type ReceiverOptions,
  type ReceiverStorage,
} from 'nestjs-rtc-messaging/receiver';
import { readReceipts } from '../../lib/receiver/frame.js';
import { frameMessage } from '../../lib/services/frame-message.js';

const frame = (message: string | Uint8Array, receipt = true) =>
  frameMessage('SendRoomUnicast', { message }, receipt);
const NEVER = new Promise<never>(() => undefined);
/** Runs the timers, and the promises between them. */
const pass = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

class Client {
  readonly shown: ReceivedMessage[] = [];
  readonly confirmed: { readonly ids: string[]; readonly at: number }[] = [];
  readonly receiver;

  constructor(options: Partial<ReceiverOptions> = {}) {
    this.receiver = createReceiver({
      from: 'server',
      confirm: (receipts) => {
        this.confirmed.push({ ids: readReceipts(receipts) ?? [], at: Date.now() });
      },
      onMessage: (received) => {
        this.shown.push(received);
      },
      ...options,
    });
  }

  receive(...given: unknown[]): void {
    const { receive } = this.receiver as unknown as { receive(...given: unknown[]): void };
    receive(...given);
  }

  get texts(): unknown[] {
    return this.shown.map(({ message }) => message);
  }

  get confirmedIds(): string[] {
    return this.confirmed.flatMap(({ ids }) => ids);
  }
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('a receiver', () => {
  it('takes the arguments of every SDK, and gives the message without its prefix at once', () => {
    const client = new Client();
    const calls = Array.from({ length: 4 }, (_, index) => frame(`message ${index}`));
    const [web, electron, android, ios] = calls.map(({ message }) => message);
    client.receive({ userId: 'server', message: web });
    client.receive('server', electron);
    client.receive(17n, 'server', android);
    client.receive(17, 'server', ios);
    const bytes = frame(Uint8Array.of(1, 2, 3));
    client.receive({ userId: 'server', message: Uint8Array.from(bytes.message as Uint8Array).buffer });
    expect(client.shown).toEqual([
      ...calls.map(({ messageId }, index) => ({ from: 'server', message: `message ${index}`, messageId })),
      { from: 'server', message: Uint8Array.of(1, 2, 3).buffer, messageId: bytes.messageId },
    ]);
  });

  it('gives on what has no prefix as it is, copies too, and confirms none of it', async () => {
    const client = new Client();
    const bytes = Buffer.from('binary');
    const lookalike = `[rtc1r:${'A'.repeat(24)}01234567]hello`;
    const received = ['hello', 'hello', lookalike, lookalike, bytes, '', null, undefined, { a: 1 }];
    for (const message of received) client.receive('server', message);
    client.receive({ userId: 'server', message: 'from the web' });
    client.receive();
    await pass(60_000);
    expect(client.texts).toEqual([...received, 'from the web', undefined]);
    expect(client.texts[4]).toBe(bytes);
    expect(client.shown[0]).toEqual({ from: 'server', message: 'hello' });
    expect(client.confirmed).toEqual([]);
  });

  it('shows a copy of a message once, and confirms it again, since the receipt may have been lost', async () => {
    const client = new Client();
    const { message, messageId } = frame('hello');
    client.receive('server', message);
    client.receive('server', message);
    await pass(1_000);
    expect(client.confirmedIds).toEqual([messageId]);
    client.receive('server', message);
    await pass(1_000);
    expect(client.texts).toEqual(['hello']);
    expect(client.confirmedIds).toEqual([messageId, messageId]);
  });

  it('shows a message with `once` once too, and confirms none of it', async () => {
    const client = new Client();
    const { message } = frame('hello', false);
    client.receive('server', message);
    client.receive('server', message);
    await pass(60_000);
    expect(client.texts).toEqual(['hello']);
    expect(client.confirmed).toEqual([]);
  });

  it("swallows no other message of the server's with the ID of one", async () => {
    const client = new Client();
    const { message, messageId } = frame('hello');
    const altered = `${(message as string).slice(0, 40)}goodbye`;
    for (const other of [altered, Buffer.from(altered), altered, message]) client.receive('server', other);
    await pass(1_000);
    expect(client.texts).toEqual([altered, Buffer.from(altered), altered, 'hello']);
    expect(client.confirmedIds).toEqual([messageId]);
  });

  it("hands on other senders' messages as they are, well framed ones too, and neither remembers nor confirms them", async () => {
    const saved: string[] = [];
    const storage = { load: () => saved.at(-1), save: (seen: string) => void saved.push(seen) };
    const client = new Client({ from: ['server', 'robot'], storage });
    await pass(0);
    const { message, messageId } = frame('hello');
    for (const sender of ['mallory', 'mallory', 'serve', 'Server', '']) client.receive(sender, message);
    client.receive({ userId: 'mallory', message });
    await pass(1_000);
    expect(client.shown).toEqual(
      ['mallory', 'mallory', 'serve', 'Server', '', 'mallory'].map((from) => ({ from, message })),
    );
    expect([client.confirmed, saved]).toEqual([[], []]);
    client.receive('robot', message);
    await pass(1_000);
    expect(client.shown.at(-1)).toEqual({ from: 'robot', message: 'hello', messageId });
    expect(client.confirmedIds).toEqual([messageId]);
  });

  it("is not created without the server's user IDs", () => {
    const options = { confirm: () => undefined, onMessage: () => undefined };
    for (const from of [undefined, null, 7, {}, '', [], [''], [undefined], [7], ['server', ''], Array(2)])
      expect(() => createReceiver({ ...options, from } as unknown as ReceiverOptions)).toThrow(
        new TypeError("`from`: must be the server's user ID, or a list of them"),
      );
  });

  it('is not created without each of its functions', () => {
    const options = { from: 'server', confirm: () => undefined, onMessage: () => undefined };
    const wrong = [
      ['confirm', { confirm: undefined }],
      ['onMessage', { onMessage: 'show' }],
      ['storage.load', { storage: { getItem: () => null, setItem: () => undefined } }],
      ['storage.save', { storage: { load: () => null } }],
    ] as const;
    for (const [name, given] of wrong)
      expect(() => createReceiver({ ...options, ...given } as unknown as ReceiverOptions)).toThrow(
        new TypeError(`\`${name}\`: must be a function`),
      );
  });

  it('shows each of several equal messages, which are no copies', () => {
    const client = new Client();
    for (let index = 0; index < 3; index++) client.receive('server', frame('hello').message);
    expect(client.texts).toEqual(['hello', 'hello', 'hello']);
  });

  it('confirms in batches, never more than eight in a second', async () => {
    const client = new Client();
    const sent: string[] = [];
    for (let tick = 0; tick < 500; tick++) {
      for (let index = 0; index < 5; index++) {
        const { message, messageId } = frame(`${tick} ${index}`);
        sent.push(messageId);
        client.receive('server', message);
      }
      await pass(10);
    }
    await pass(1_000);
    expect(client.confirmedIds).toEqual(sent);
    expect(client.confirmed.length).toBeGreaterThan(10);
    for (const { at } of client.confirmed) {
      const inSecond = client.confirmed.filter((other) => other.at >= at && other.at < at + 1_000);
      expect(inSecond.length).toBeLessThanOrEqual(8);
    }
  });

  it('confirms a flood in batches that a client may send', async () => {
    const confirm = jest.fn<(receipts: string) => void>();
    const client = new Client({ confirm });
    const { message, messageId } = frame('first');
    client.receive('server', message);
    for (let index = 0; index < 2_500; index++) client.receive('server', frame('x').message);
    await pass(2_000);
    const texts = confirm.mock.calls.map(([text]) => text);
    expect(texts.map((text) => readReceipts(text)?.length)).toEqual([1_000, 1_000, 501]);
    expect(Math.max(...texts.map((text) => text.length))).toBeLessThan(65_536);
    expect(readReceipts(texts[0] ?? '')?.[0]).toBe(messageId);
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('not connected');
      },
    ],
    ['rejects', () => Promise.reject(new Error('E2BSSendFailed'))],
    ['never ends', () => new Promise(() => undefined)],
  ])('confirms again when `confirm` %s, at most eight times', async (_name, confirm) => {
    const failing = jest.fn(confirm);
    const client = new Client({ confirm: failing });
    client.receive('server', frame('hello').message);
    await pass(3 * 60_000);
    expect(failing).toHaveBeenCalledTimes(8);
    expect(new Set(failing.mock.calls.map(String)).size).toBe(1);
    expect(jest.getTimerCount()).toBe(0);
    // What comes afterwards is tried afresh.
    failing.mockImplementation(() => undefined);
    client.receive('server', frame('again').message);
    await pass(1_000);
    expect(failing).toHaveBeenCalledTimes(9);
    expect(client.texts).toEqual(['hello', 'again']);
  });

  it('loses no receipt to an outage of half a minute', async () => {
    let isAway = true;
    const confirmed: string[] = [];
    const client = new Client({
      confirm: async (receipts) => {
        if (isAway) throw new Error('away');
        confirmed.push(...(readReceipts(receipts) ?? []));
      },
    });
    const sent = Array.from({ length: 100 }, (_, index) => frame(`message ${index}`));
    for (const { message } of sent) {
      client.receive('server', message);
      await pass(300);
    }
    isAway = false;
    await pass(60_000);
    expect([...confirmed].sort()).toEqual(sent.map(({ messageId }) => messageId).sort());
  });

  it('keeps a bounded number of receipts while none can be sent', async () => {
    const confirmed: string[] = [];
    let isAway = true;
    const client = new Client({
      confirm: async (receipts) => {
        if (isAway) throw new Error('away');
        confirmed.push(...(readReceipts(receipts) ?? []));
      },
    });
    const ids = Array.from({ length: 12_000 }, () => {
      const { message, messageId } = frame('x');
      client.receive('server', message);
      return messageId;
    });
    await pass(1_000);
    isAway = false;
    await pass(60_000);
    expect(confirmed.length).toBeLessThanOrEqual(10_000);
    expect(confirmed.at(-1)).toBe(ids.at(-1));
  });

  it('remembers the last ten thousand messages', () => {
    const client = new Client({ confirm: () => undefined });
    const first = frame('first', false);
    const second = frame('second', false);
    client.receive('server', first.message);
    client.receive('server', second.message);
    for (let index = 0; index < 9_999; index++) client.receive('server', frame('x', false).message);
    const { length } = client.shown;
    client.receive('server', second.message);
    expect(client.shown).toHaveLength(length);
    client.receive('server', first.message);
    expect(client.shown).toHaveLength(length + 1);
  });

  it('confirms a message when the promise of `onMessage` is fulfilled, and not before', async () => {
    let store = (): void => undefined;
    const confirm = jest.fn();
    const client = new Client({
      confirm,
      onMessage: () => new Promise<void>((resolve) => (store = resolve)),
    });
    client.receive('server', frame('hello').message);
    await pass(60_000);
    expect(confirm).not.toHaveBeenCalled();
    store();
    await pass(1_000);
    expect(confirm).toHaveBeenCalledTimes(1);
  });

  it('confirms and saves what was taken when it is closed, takes nothing more, and keeps no timer', async () => {
    const saved: string[] = [];
    const client = new Client({ storage: { load: () => null, save: (seen) => saved.push(seen) } });
    await pass(0);
    client.receive('server', frame('before').message);
    await pass(0);
    const closed = jest.fn();
    void client.receiver.close().then(closed);
    client.receive('server', frame('after').message);
    await pass(0);
    expect(closed).toHaveBeenCalledTimes(1);
    await pass(60_000);
    expect(client.texts).toEqual(['before']);
    expect(client.confirmedIds).toEqual([client.shown[0]?.messageId]);
    expect(saved).toEqual([client.shown[0]?.messageId]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('confirms all that was taken when it is closed, though it is more than one text holds', async () => {
    const client = new Client();
    const calls = Array.from({ length: 2_500 }, (_, index) => frame(`message ${index}`));
    for (const { message } of calls) client.receive('server', message);
    await pass(0);
    await client.receiver.close();
    expect(client.confirmed.map(({ ids }) => ids.length)).toEqual([1_000, 1_000, 500]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('tries a receipt once more when it is closed, and not again', async () => {
    const confirm = jest.fn(() => Promise.reject(new Error('away')));
    const client = new Client({ confirm });
    client.receive('server', frame('hello').message);
    await pass(250);
    void client.receiver.close();
    await pass(60_000);
    expect(confirm).toHaveBeenCalledTimes(2);
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each<[string, Partial<ReceiverOptions>]>([
    ['the storage never loads', { storage: { load: () => NEVER, save: () => undefined } }],
    ['the storage never saves', { storage: { load: () => null, save: () => NEVER } }],
    ['receipts are never sent', { confirm: () => NEVER }],
  ])('is closed in 10 s, also where %s', async (_what, options) => {
    const client = new Client(options);
    client.receive('server', frame('a message').message);
    // Receipts are on their way.
    await pass(4_000);
    client.receive('server', frame('another').message);
    await pass(0);
    const closed = jest.fn();
    void client.receiver.close().then(closed);
    await pass(10_000);
    expect(closed).toHaveBeenCalledTimes(1);
  });

  it('shows nothing after close(), not even what waited for the storage', async () => {
    const load = () => new Promise<string>((resolve) => setTimeout(() => resolve(''), 200));
    const client = new Client({ storage: { load, save: () => undefined } });
    client.receive('server', frame('hello').message);
    void client.receiver.close();
    await pass(60_000);
    expect([client.shown, client.confirmed]).toEqual([[], []]);
  });
});

describe('an `onMessage` that fails', () => {
  const log = jest.spyOn(console, 'error');
  beforeEach(() => void log.mockReset());
  afterAll(() => log.mockRestore());

  it.each<[string, (error: Error) => unknown]>([
    [
      'throws',
      (error) => {
        throw error;
      },
    ],
    [
      'rejects',
      async (error) => {
        throw error;
      },
    ],
  ])(
    'and %s is reported, leaves the SDK and the other messages alone, and confirms nothing',
    async (_, fail) => {
      const error = new Error('a bug of the app');
      const shown: unknown[] = [];
      const client = new Client({
        onMessage: ({ message }) => {
          shown.push(message);
          return message === 'bad' ? fail(error) : undefined;
        },
      });
      const bad = frame('bad');
      const good = frame('good');
      client.receive('server', bad.message);
      client.receive('server', good.message);
      client.receive('server', bad.message);
      await pass(60_000);
      expect(shown).toEqual(['bad', 'good']);
      expect(client.confirmedIds).toEqual([good.messageId]);
      expect(log.mock.calls).toEqual([[error]]);
    },
  );
});

it('a receiver throws nothing, whatever it is given and whatever reports errors', async () => {
  const unhandled = jest.fn();
  process.on('unhandledRejection', unhandled);
  const global = globalThis as { reportError?: unknown };
  global.reportError = () => {
    throw new Error('a bug of who reports');
  };
  const client = new Client({
    onMessage: ({ message }) => {
      client.shown.push({ from: '', message });
      throw new Error('a bug of the app');
    },
  });
  client.receive('server', frame('hello').message);
  client.receive('alice', 'foreign');
  await pass(1_000);
  jest.useRealTimers();
  await new Promise((resolve) => setTimeout(resolve, 5));
  delete global.reportError;
  process.off('unhandledRejection', unhandled);
  expect(unhandled).not.toHaveBeenCalled();
  expect(client.texts).toEqual(['hello', 'foreign']);
  expect(client.confirmed).toEqual([]);
});

it('a receiver hands on what it can not read as it came', async () => {
  const detached = new ArrayBuffer(100);
  structuredClone(detached, { transfer: [detached] });
  const messages = [
    detached,
    { [Symbol.toStringTag]: 'ArrayBuffer' },
    { slice: () => undefined },
    new DataView(new ArrayBuffer(50)),
    new Uint16Array(50),
    Symbol('of the test'),
    7n,
  ];
  const client = new Client();
  for (const message of messages) client.receive('server', message);
  client.receive({ userId: 'server', message: detached });
  await pass(1_000);
  expect(client.shown).toHaveLength(8);
  for (const [index, { message }] of client.shown.entries())
    expect(message).toBe([...messages, detached][index]);
  expect(client.confirmed).toEqual([]);
});

describe('a receiver that is started again', () => {
  const sent = Array.from({ length: 3 }, (_, index) => frame(`message ${index}`));
  const memory = (saved?: string) => {
    const storage = { saved, load: () => storage.saved, save: (seen: string) => void (storage.saved = seen) };
    return storage;
  };
  const receiveAll = async (client: Client): Promise<void> => {
    for (const { message } of sent) client.receive('server', message);
    await pass(5_000);
  };

  it('shows copies again without a storage, and none with one', async () => {
    const storage = memory();
    for (const options of [{}, { storage }]) {
      const [before, after] = [new Client(options), new Client(options)];
      await receiveAll(before);
      expect(before.texts).toHaveLength(3);
      const restarted = new Client(options);
      await receiveAll(restarted);
      expect(restarted.texts).toHaveLength('storage' in options ? 0 : 3);
      after.receiver.close();
    }
  });

  it('lets framed messages alone wait for a storage that answers later, and keeps their order', async () => {
    const storage = memory();
    await receiveAll(new Client({ storage }));
    const client = new Client({
      storage: {
        load: () => new Promise((resolve) => setTimeout(() => resolve(storage.saved), 500)),
        save: async () => undefined,
      },
    });
    const other = frame('framed').message;
    client.receive('server', 'foreign');
    for (const message of ['new', 'newer'])
      for (const known of [sent[1]!, frame(message)]) client.receive('server', known.message);
    client.receive('alice', other);
    expect(client.texts).toEqual(['foreign', other]);
    await pass(499);
    expect(client.texts).toEqual(['foreign', other]);
    await pass(1);
    expect(client.texts).toEqual(['foreign', other, 'new', 'newer']);
  });

  const failures: readonly [string, ReceiverStorage][] = [
    [
      'throws',
      {
        load: () => {
          throw new Error('private mode');
        },
        save: () => {
          throw new Error('full');
        },
      },
    ],
    ['rejects', { load: () => Promise.reject(new Error('no')), save: () => Promise.reject(new Error('no')) }],
    ['never answers', { load: () => new Promise(() => undefined), save: () => new Promise(() => undefined) }],
    ['knows nothing', { load: () => null, save: () => undefined }],
    ['holds something else', { load: () => '{"a":[1,2,3]}'.repeat(99), save: () => undefined }],
    ['gives what is no text', { load: () => 7 as unknown as string, save: () => undefined }],
  ];
  it.each(failures)('shows all, once, with a storage that %s', async (_name, storage) => {
    const client = new Client({ storage });
    await receiveAll(client);
    await receiveAll(client);
    expect(client.texts).toEqual(['message 0', 'message 1', 'message 2']);
    expect(new Set(client.confirmedIds).size).toBe(3);
  });

  it('learns from a storage that answers too late all the same', async () => {
    const storage = memory();
    await receiveAll(new Client({ storage }));
    const client = new Client({
      storage: {
        ...storage,
        load: () => new Promise((resolve) => setTimeout(() => resolve(storage.saved), 4_000)),
      },
    });
    await pass(3_500);
    client.receive('server', 'foreign');
    expect(client.texts).toEqual(['foreign']);
    await pass(1_000);
    await receiveAll(client);
    expect(client.texts).toEqual(['foreign']);
  });

  it('keeps what was shown last when a full storage answers too late', async () => {
    const storage = memory(
      Array.from({ length: 1_000 }, (_, index) => `${index}`.padStart(32, 'm')).join(' '),
    );
    const load = () =>
      new Promise<string | undefined>((resolve) => setTimeout(() => resolve(storage.saved), 4_000));
    const client = new Client({ storage: { ...storage, load, save: storage.save } });
    await receiveAll(client);
    await pass(5_000);
    await client.receiver.close();
    const again = new Client({ storage });
    await receiveAll(again);
    expect([client.shown.length, again.shown.length]).toEqual([3, 0]);
  });

  it('shows again what the app had not taken to its end, and not what it had', async () => {
    const storage = memory();
    const [taken, pending] = [frame('taken'), frame('pending')];
    const before = new Client({
      storage,
      onMessage: ({ message }) => (message === 'taken' ? undefined : new Promise(() => undefined)),
    });
    await pass(0);
    before.receive('server', pending.message);
    before.receive('server', taken.message);
    await pass(0);
    const after = new Client({ storage });
    for (const { message } of [pending, taken]) after.receive('server', message);
    await pass(1_000);
    expect(after.texts).toEqual(['pending']);
    // The receipt of what was taken never left.
    expect(after.confirmedIds.toSorted()).toEqual([taken.messageId, pending.messageId].toSorted());
  });

  it('shows again after a restart what `onMessage` failed with', async () => {
    const log = jest.spyOn(console, 'error').mockReturnValue();
    const storage = memory();
    const { message } = frame('hello');
    const before = new Client({ storage, onMessage: () => Promise.reject(new Error('the page went away')) });
    before.receive('server', message);
    await pass(1_000);
    log.mockRestore();
    const after = new Client({ storage });
    after.receive('server', message);
    await pass(1_000);
    expect(after.texts).toEqual(['hello']);
  });

  it('has saved a message as soon as the app has taken it, and a thousand at most', async () => {
    const storage = memory();
    const client = new Client({ storage });
    await pass(0);
    const { message, messageId } = frame('first');
    client.receive('server', message);
    await pass(0);
    expect(storage.saved).toBe(messageId);
    const ids = Array.from({ length: 1_100 }, () => {
      const other = frame('x');
      client.receive('server', other.message);
      return other.messageId;
    });
    await pass(125);
    expect(storage.saved?.split(' ')).toEqual(ids.slice(-1_000));
  });

  it('saves one text at a time, and all that came meanwhile with the next', async () => {
    let running = 0;
    const save = jest.fn(async (_seen: string) => {
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 400));
      running -= 1;
    });
    const client = new Client({ storage: { load: () => save.mock.calls.at(-1)?.[0], save } });
    await pass(0);
    for (let tick = 0; tick < 200; tick++) {
      client.receive('server', frame('x').message);
      await pass(10);
    }
    await pass(1_000);
    expect(save.mock.calls.length).toBeLessThan(8);
    expect(save.mock.calls.at(-1)?.[0].split(' ')).toHaveLength(200);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('saves with the next message what could not be saved', async () => {
    const storage = memory();
    let isFull = true;
    const save = (seen: string): void => {
      if (isFull) throw new Error('full');
      storage.save(seen);
    };
    const client = new Client({ storage: { load: storage.load, save } });
    client.receive('server', sent[0]!.message);
    await pass(1_000);
    isFull = false;
    client.receive('server', sent[1]!.message);
    await pass(1_000);
    expect(storage.saved).toBe(`${sent[0]!.messageId} ${sent[1]!.messageId}`);
  });

  it('starts no save while one is under way, however long it takes', async () => {
    const stored: string[] = [];
    const save = async (seen: string): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, stored.length === 0 ? 4_500 : 1));
      stored.push(seen);
    };
    const client = new Client({ storage: { load: () => null, save } });
    await pass(0);
    for (const { message } of sent) {
      client.receive('server', message);
      await pass(3_300);
    }
    await pass(5_000);
    expect(stored.map((seen) => seen.split(' ').length)).toEqual([1, 2, 3]);
  });

  it('saves nothing before what was saved has been loaded', async () => {
    const storage = memory(sent[0]!.messageId);
    const load = () => new Promise<string>((resolve) => setTimeout(() => resolve(storage.saved!), 5_000));
    const client = new Client({ storage: { ...storage, load, save: storage.save } });
    client.receive('server', sent[1]!.message);
    await pass(4_000);
    expect(client.texts).toEqual(['message 1']);
    expect(storage.saved).toBe(sent[0]!.messageId);
    await pass(2_000);
    expect(storage.saved!.split(' ').toSorted()).toEqual([sent[0]!.messageId, sent[1]!.messageId].toSorted());
  });

  it('loses one ID where one is damaged', async () => {
    const storage = memory();
    await receiveAll(new Client({ storage }));
    const damaged = new Client({ storage: memory(storage.saved?.slice(1)) });
    await receiveAll(damaged);
    expect(damaged.texts).toHaveLength(1);
  });
});
