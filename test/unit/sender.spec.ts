import { describe, expect, it } from '@jest/globals';
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RtcMessagingError } from '../../lib/errors/rtc-messaging.error.js';
import type { AttemptResult } from '../../lib/openapi/http-attempt.js';
import type { AttemptOptions } from '../../lib/openapi/open-api.client.js';
import { Sender } from '../../lib/retry/sender.js';
import { requestBody } from '../../lib/openapi/request-body.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { rejectionOf } from '../support/rejection.js';
import {
  accepted,
  networkError,
  LIMITS,
  refused,
  REQUEST_ID,
  result,
  ScriptedCalls,
} from '../support/scripted-calls.js';

const BODY = requestBody({ AppId: 'app' }, ['alice', 'bob'], { Message: 'hello' });

/** An attempt that goes on until it is interrupted, as a real one would. */
function untilInterrupted({ cancellation }: AttemptOptions): Promise<AttemptResult> {
  return new Promise((resolve) => {
    const end = (): void => resolve(result({ kind: 'interrupted', by: 'aborted' }, 'sent'));
    cancellation.listen(end);
  });
}
const untilMade = async (calls: ScriptedCalls): Promise<void> => {
  while (calls.made.length === 0) await new Promise(setImmediate);
};

describe('a sender', () => {
  it('sends the body as JSON, and emits the beginning, the attempts and the outcome', async () => {
    const calls = new ScriptedCalls([]);
    const call = await new Sender(calls.context, 1_000).send('BatchSendRoomUnicast', BODY, LIMITS);
    expect(call).toMatchObject({
      requestId: REQUEST_ID,
      possibleDuplicate: false,
      attempts: [{ outcome: 'accepted' }],
    });
    expect(JSON.parse(calls.bodies[0]!.toString())).toEqual({
      AppId: 'app',
      To: ['alice', 'bob'],
      Message: 'hello',
    });
    expect(calls.events.map(({ type }) => type)).toEqual(['begin', 'attempt', 'outcome']);
    const [begin, , outcome] = calls.events;
    expect(begin).toMatchObject({
      call: { module: 'default', id: 1, action: 'BatchSendRoomUnicast', recipients: 2 },
    });
    expect(outcome).toEqual({
      type: 'outcome',
      call: (begin as { call: object }).call,
      outcome: 'accepted',
      attempts: call.attempts,
      possibleDuplicate: false,
      durationMs: expect.any(Number),
    });
    expect((begin as { call: object }).call).not.toHaveProperty('fanOut');
  });

  it.each([
    [['a', 'b', 'c'], 3],
    ['a', 1],
    [undefined, undefined],
  ])('emits the number of recipients of %j, and numbers its calls', async (to, recipients) => {
    const calls = new ScriptedCalls([]);
    const sender = new Sender(calls.context, 1_000);
    for (const id of [1, 2]) {
      await sender.send('SendUnicast', requestBody({ AppId: 'app' }, to, { Message: 'hello' }), LIMITS);
      const begin = calls.events.findLast(({ type }) => type === 'begin') as { call: object };
      expect(begin.call).toMatchObject({ id, action: 'SendUnicast' });
      if (recipients === undefined) expect(begin.call).not.toHaveProperty('recipients');
      else expect(begin.call).toMatchObject({ recipients });
    }
  });

  it('emits the fan-out of a call, and its duration', async () => {
    const calls = new ScriptedCalls([]);
    const sender = new Sender(calls.context, 1_000);
    const fanOut = { module: 'default', id: 'fan-out', startedAt: '2026-01-01T00:00:00.000Z' };
    const began = performance.now();
    await sender.send('BatchSendRoomUnicast', BODY, { ...LIMITS, fanOut });
    expect(calls.events[0]).toMatchObject({ type: 'begin', call: { fanOut } });
    const { durationMs } = calls.events.at(-1) as { durationMs: number };
    expect(durationMs).toBeLessThanOrEqual(Math.ceil(performance.now() - began));
    expect(sender.emit).toBe(calls.context.emit);
  });

  it('emits the code of a failure', async () => {
    const calls = new ScriptedCalls([refused('AccessDenied', 403), networkError('ECONNRESET', 'sent')]);
    const sender = new Sender(calls.context, 1_000);
    await rejectionOf(sender.send('SendUnicast', BODY, LIMITS));
    await rejectionOf(sender.send('SendUnicast', BODY, LIMITS));
    const outcomes = calls.events.filter(({ type }) => type === 'outcome');
    expect(outcomes[0]).toMatchObject({ outcome: 'rejected', code: 'RTC_API', apiCode: 'AccessDenied' });
    expect(outcomes[1]).toMatchObject({ outcome: 'unknown', code: 'RTC_NETWORK' });
    expect(outcomes[1]).not.toHaveProperty('apiCode');
  });

  it('emits the outcome of a call that ends by an unexpected error', async () => {
    const calls = new ScriptedCalls([
      refused('FailToConnect', 502),
      () => {
        throw new TypeError('a bug');
      },
    ]);
    const error = await rejectionOf(new Sender(calls.context, 1_000).send('SendUnicast', BODY, LIMITS));
    expect(error.message).toBe('a bug');
    expect(calls.events.at(-1)).toMatchObject({ type: 'outcome', outcome: 'rejected', attempts: [{}] });
    expect(calls.events.at(-1)).not.toHaveProperty('code');
  });

  it('counts its calls in flight', async () => {
    const calls = new ScriptedCalls([untilInterrupted]);
    const sender = new Sender(calls.context, 1_000);
    expect(sender.condition).toMatchObject({ closing: false, inFlight: 0, credentials: { state: 'fixed' } });
    const controller = new AbortController();
    const sending = sender.send('SendUnicast', BODY, { ...LIMITS, signal: controller.signal });
    expect(sender.condition.inFlight).toBe(1);
    controller.abort();
    await rejectionOf(sending);
    expect(sender.condition.inFlight).toBe(0);
    expect(sender.module).toBe('default');
  });

  it('asks for credentials in the background, and ignores a failure', async () => {
    const calls = new ScriptedCalls([]);
    let asked = 0;
    const ask = (): Promise<never> => {
      asked += 1;
      return Promise.reject(new Error('none'));
    };
    Object.assign(calls.context.credentials, { get: ask });
    new Sender(calls.context, 1_000).askForCredentials();
    await new Promise(setImmediate);
    expect(asked).toBe(1);
  });
});

describe('a caller', () => {
  it.each(['signal', 'stop'] as const)('sends nothing with what is aborted already (%s)', async (name) => {
    const calls = new ScriptedCalls([]);
    const stop = new Cancellation();
    stop.cancel();
    const sending = new Sender(calls.context, 1_000).send('SendUnicast', BODY, {
      ...LIMITS,
      ...(name === 'stop' ? { stop } : { signal: AbortSignal.abort() }),
    });
    const error = await rejectionOf<RtcMessagingError>(sending);
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'not_attempted' });
    expect(error.message).toBe('SendUnicast was aborted before anything was sent.');
    expect(calls.made).toEqual([]);
    expect(calls.events.map(({ type }) => type)).toEqual(['begin', 'outcome']);
  });

  it('ends an attempt with its signal, and lets it finish with its stop', async () => {
    const calls = new ScriptedCalls([untilInterrupted]);
    const controller = new AbortController();
    const sender = new Sender(calls.context, 1_000);
    const sending = sender.send('SendUnicast', BODY, { ...LIMITS, signal: controller.signal });
    await untilMade(calls);
    controller.abort();
    expect(await rejectionOf(sending)).toMatchObject({ code: 'RTC_ABORTED', outcome: 'unknown' });
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);

    let finish = (_end: AttemptResult): void => undefined;
    const stopped = new ScriptedCalls([() => new Promise((resolve) => (finish = resolve))]);
    const stop = new Cancellation();
    const finishing = new Sender(stopped.context, 1_000).send('SendUnicast', BODY, {
      ...LIMITS,
      stop,
    });
    await untilMade(stopped);
    stop.cancel();
    finish(accepted());
    expect((await finishing).requestId).toBe(REQUEST_ID);
  });
});

describe('a sender that closes', () => {
  it('lets calls finish, refuses new ones, and releases everything once', async () => {
    let finish = (_end: AttemptResult): void => undefined;
    const calls = new ScriptedCalls([() => new Promise((resolve) => (finish = resolve))]);
    const sender = new Sender(calls.context, 60_000);
    const sending = sender.send('SendUnicast', BODY, LIMITS);
    await untilMade(calls);
    const closing = sender.close();
    expect(sender.close()).toBe(closing);
    expect([sender.condition.closing, sender.closing.aborted, calls.closed]).toEqual([true, true, false]);
    const error = await rejectionOf<RtcMessagingError>(sender.send('SendUnicast', BODY, LIMITS));
    expect(error).toMatchObject({ code: 'RTC_ABORTED', outcome: 'not_attempted' });
    expect(error.message).toBe('SendUnicast was refused: the app is shutting down. Nothing was sent.');
    finish(accepted());
    expect((await sending).requestId).toBe(REQUEST_ID);
    await closing;
    expect([calls.closed, calls.released]).toEqual([true, true]);
    expect(calls.events.filter(({ type }) => type === 'shutdown')).toEqual([
      { type: 'shutdown', module: 'default', status: 'started', inFlight: 1 },
    ]);
  });

  it('serves calls while the app begins to close, and stops fan-outs in two steps', async () => {
    const calls = new ScriptedCalls([accepted(), accepted()]);
    const sender = new Sender(calls.context, 60_000);
    const running = sender.closing;
    sender.startClosing();
    sender.startClosing();
    const begunLater = sender.closing;
    expect([sender.condition.closing, running.aborted, begunLater.aborted]).toEqual([true, true, false]);
    expect((await sender.send('SendUnicast', BODY, LIMITS)).requestId).toBe(REQUEST_ID);
    sender.refuseCalls();
    expect([begunLater.aborted, sender.closing.aborted]).toEqual([true, true]);
    await rejectionOf(sender.send('SendUnicast', BODY, LIMITS));
    await sender.close();
    expect(calls.events.filter(({ type }) => type === 'shutdown')).toMatchObject([{ status: 'started' }]);
  });

  it('aborts at the limit, counted from when it began to close, calls that began later, and refuses new ones', async () => {
    const calls = new ScriptedCalls([untilInterrupted]);
    const sender = new Sender(calls.context, 100);
    sender.startClosing();
    const sending = rejectionOf(sender.send('SendUnicast', BODY, LIMITS));
    await untilMade(calls);
    expect((await sending).message).toContain('aborted by the shutdown of the app');
    expect((await rejectionOf(sender.send('SendUnicast', BODY, LIMITS))).message).toContain('was refused');
    expect(calls.closed).toBe(false);
    await sender.close();
    expect(calls.closed).toBe(true);
  });

  it('emits no timed_out when no calls are in flight at the limit', async () => {
    const calls = new ScriptedCalls([]);
    const sender = new Sender(calls.context, 5);
    sender.startClosing();
    await sleep(30);
    await sender.close();
    expect(calls.events.map(({ type }) => type)).toEqual(['shutdown']);
  });

  it('aborts calls that take longer than the limit', async () => {
    const calls = new ScriptedCalls([untilInterrupted]);
    const sender = new Sender(calls.context, 20);
    const sending = rejectionOf(sender.send('SendUnicast', BODY, LIMITS));
    await untilMade(calls);
    await sender.close();
    const error = await sending;
    expect(error.message).toBe(
      'SendUnicast was aborted by the shutdown of the app in phase "sent"; the message may have been accepted.',
    );
    expect(calls.events.filter(({ type }) => type === 'shutdown')).toMatchObject([
      { status: 'started', inFlight: 1 },
      { status: 'timed_out', inFlight: 1 },
    ]);
    expect([calls.closed, calls.released]).toEqual([true, true]);
  });
});
