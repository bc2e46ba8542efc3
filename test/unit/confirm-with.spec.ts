import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { confirmWith, createReceiver } from 'nestjs-rtc-messaging/receiver';
import { frameMessage } from '../../lib/services/frame-message.js';

type Msgid = number | string | bigint;
/** Of an SDK's engine, what sends and tells the result. */
class Engine extends EventEmitter {
  tell(msgid: Msgid, error: unknown, afterMs?: number): void {
    const emit = () => void this.emit('onServerMessageSendResult', msgid, error, 'seen');
    if (afterMs === undefined) emit();
    else setTimeout(emit, afterMs);
  }
}
const after = <T>(ms: number, value: T): Promise<T> =>
  new Promise((resolve) => setTimeout(() => resolve(value), ms));

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** @returns what became of one text, and when */
async function confirmOnce(
  send: (engine: Engine) => Msgid | Promise<Msgid>,
  success?: unknown,
): Promise<{ readonly end: string; readonly ms: number }> {
  const engine = new Engine();
  const { confirm, onServerMessageSendResult } = confirmWith(() => send(engine), success);
  engine.on('onServerMessageSendResult', onServerMessageSendResult);
  const begun = Date.now();
  const ended = confirm('[rtc1c:…]').then(
    () => 'sent',
    ({ message }: Error) => message,
  );
  const end = ended.then((text) => ({ end: text, ms: Date.now() - begun }));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(jest.getTimerCount()).toBe(0);
  return end;
}

describe('confirmWith()', () => {
  it.each<[string, (engine: Engine) => Msgid | Promise<Msgid>]>([
    ['later', (engine) => (engine.tell(1, 0, 5), 1)],
    ['before the call returns', (engine) => (engine.tell(1, 0), 1)],
    ['before the promise of the call is fulfilled', (engine) => (engine.tell(1, 0, 5), after(10, 1))],
    ['with the number as text', (engine) => (engine.tell('1', 0, 5), 1)],
    ['with the text as a number', (engine) => (engine.tell(1, 0), after(5, '1'))],
    ['with a bigint', (engine) => (engine.tell(9_007_199_254_740_993n, 0), '9007199254740993')],
    [
      'after those of other messages',
      (engine) => (engine.tell(2, 17), engine.tell(1, 0), engine.tell(3, 17), 1),
    ],
    ['after a 0, where SDKs count from there', (engine) => (engine.tell(0, 0, 5), 0)],
    ['as text', (engine) => (engine.tell(1, '0'), 1)],
  ])('takes a result that comes %s', async (_name, send) => {
    expect(await confirmOnce(send)).toEqual({ end: 'sent', ms: expect.any(Number) });
  });

  it.each<[string, (engine: Engine) => Msgid | Promise<Msgid>, string]>([
    ['the SDK refuses the text', () => -1, 'sendServerMessage() gave -1'],
    ['the SDK refuses the text later', () => after(5, '-2'), 'sendServerMessage() gave -2'],
    ['the result is a failure', (engine) => (engine.tell(1, 17), 1), 'The receipts were not sent: 17'],
    ['the SDK gives no number', () => undefined as never, 'sendServerMessage() gave undefined'],
    [
      'the SDK throws',
      () => {
        throw new Error('no engine');
      },
      'no engine',
    ],
    ['the SDK rejects', () => Promise.reject(new Error('no engine')), 'no engine'],
  ])('rejects at once where %s', async (_name, send, end) => {
    const result = await confirmOnce(send);
    expect(result.end).toBe(end);
    expect(result.ms).toBeLessThan(10);
  });

  it.each<[string, (engine: Engine, text: number) => Msgid | Promise<Msgid>]>([
    ['result comes', (engine, text) => (text > 1 && engine.tell(text, 0, 5), text)],
    ['number comes', (engine, text) => (text > 1 ? (engine.tell(2, 0, 5), 2) : new Promise(() => undefined))],
    ['number comes for long', (engine, text) => (text > 1 ? (engine.tell(2, 0, 900), 2) : after(11_500, 1))],
    ['result of the text comes', (engine, text) => (engine.tell(text > 1 ? text : 11, 0, 5), text)],
  ])('has the receiver send again after ten seconds where no %s', async (_name, send) => {
    const engine = new Engine();
    const sentAt: number[] = [];
    const { confirm, onServerMessageSendResult } = confirmWith(() => send(engine, sentAt.push(Date.now())));
    engine.on('onServerMessageSendResult', onServerMessageSendResult);
    const { receive } = createReceiver({ from: 'server', confirm, onMessage: () => undefined });
    receive('server', frameMessage('SendRoomUnicast', { message: 'hello' }, true).message);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(sentAt).toHaveLength(2);
    expect(sentAt[1]! - sentAt[0]!).toBeGreaterThan(10_000);
    expect(sentAt[1]! - sentAt[0]!).toBeLessThan(11_500);
  });

  it("takes the SDK's own constant for success", async () => {
    expect(await confirmOnce((engine) => (engine.tell(1, 'Success'), 1), 'Success')).toMatchObject({
      end: 'sent',
    });
    expect((await confirmOnce((engine) => (engine.tell(1, 0), 1), 200)).end).toMatch(/not sent: 0$/);
  });

  it('takes no result of another text for that of one', async () => {
    const engine = new Engine();
    const { confirm, onServerMessageSendResult } = confirmWith(() => 1_001);
    engine.on('onServerMessageSendResult', onServerMessageSendResult);
    // Those of the app's own messages, and of an engine that was there before.
    for (let msgid = 1; msgid <= 1_001; msgid++) engine.tell(msgid, 0);
    const ends: string[] = [];
    void confirm('').then(() => ends.push('sent'));
    engine.tell(1_000, 0);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(ends).toEqual([]);
    engine.tell(1_001, 0);
    await jest.advanceTimersByTimeAsync(1_000);
    expect(ends).toEqual(['sent']);
  });

  it('confirms for a receiver, which sends again what was not sent', async () => {
    const engine = new Engine();
    const sent: string[] = [];
    const { confirm, onServerMessageSendResult } = confirmWith((receipts) => {
      sent.push(receipts);
      engine.tell(String(sent.length), sent.length === 1 ? 17 : 0);
      return sent.length;
    });
    const { receive } = createReceiver({ from: 'server', confirm, onMessage: () => undefined });
    engine.on('onServerMessageSendResult', onServerMessageSendResult);
    engine.on('onUserMessageReceived', receive);
    const { message, messageId } = frameMessage('SendRoomUnicast', { message: 'hello' }, true);
    engine.emit('onUserMessageReceived', 'server', message);
    await jest.advanceTimersByTimeAsync(60_000);
    expect(sent).toEqual([`[rtc1c:${messageId}]`, `[rtc1c:${messageId}]`]);
  });
});
