import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DynamicModule } from '@nestjs/common';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type ChunkOutcome,
  getRoomUnicastToken,
  RoomUnicastService,
  RtcMessagingModule,
  RtcQuotaError,
  type RtcReceiptEvent,
  RtcValidationError,
  UserUnicastService,
} from 'nestjs-rtc-messaging';
import {
  ClientSignatureService,
  OnClientMessage,
  RtcCallbackModule,
  type RtcCallbackOptions,
} from 'nestjs-rtc-messaging/callbacks';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { getReceiptsToken, ReceiptService } from 'nestjs-rtc-messaging/receipts';
import { Test, type TestingModule } from '@nestjs/testing';
import { writeReceipts } from '../../lib/receiver/frame.js';
import { startSdk } from '../support/open-telemetry.js';
import { ReceiptApp } from '../support/receipts.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

const WAIT = { timeoutMs: 120_000 };
const ROOM = { roomId: 'room-1', message: 'hello' };

describe('a message with `receipt`', () => {
  let emulator: RtcEmulator;
  let server: ReceiptApp;
  const events: RtcReceiptEvent[] = [];
  const note = (event: unknown): void => void events.push(event as RtcReceiptEvent);
  const start = async (options?: Parameters<typeof ReceiptApp.start>[1]): Promise<void> => {
    await server?.close();
    server = await ReceiptApp.start(emulator, options);
  };
  beforeEach(async () => {
    events.length = 0;
    subscribe('nestjs-rtc-messaging:receipt', note);
    emulator = await RtcEmulator.start();
    server = await ReceiptApp.start(emulator);
  });
  afterEach(async () => {
    unsubscribe('nestjs-rtc-messaging:receipt', note);
    await server.close();
    await emulator.close();
  });

  it('is confirmed by each user whose app has received it, and by nobody else', async () => {
    const alice = server.join('alice');
    server.join('without-receiver', {});
    server.join('silent', { receiver: { confirmAfterMs: Infinity } });
    server.join('lost', { receiver: { loses: () => true } });
    const to = ['alice', 'without-receiver', 'silent', 'lost', 'absent'];
    const { messageId = '' } = await server.rooms.batchSend({ ...ROOM, to }, { receipt: true });
    const sentAt = Date.now();
    await until(() => server.counts.confirmed === 1);
    const status = await server.receipts.wait(messageId, { timeoutMs: 500 });
    expect(status).toEqual({
      confirmed: ['alice'],
      awaited: ['without-receiver', 'silent', 'lost', 'absent'],
      until: expect.any(Date),
    });
    expect(Math.abs((status?.until.getTime() ?? 0) - sentAt - 300_000)).toBeLessThan(60_000);
    expect(alice.shown).toEqual([{ from: 'server', message: 'hello', messageId }]);
    expect(emulator.room('room-1').participant('lost')?.received).toEqual([]);
    expect(events).toEqual([
      {
        type: 'receipt',
        module: 'default',
        messageId,
        userId: 'alice',
        status: 'confirmed',
        delayMs: expect.any(Number),
      },
    ]);
    expect(server.counts).toEqual({
      confirmed: 1,
      repeated: 0,
      not_awaited: 0,
    });
  });

  it('is waited for until the last user has confirmed it, however late, and no longer', async () => {
    server.join('alice');
    server.join('late', { receiver: { confirmAfterMs: 500 } });
    const { messageId = '' } = await server.rooms.batchSend(
      { ...ROOM, to: ['alice', 'late'] },
      { receipt: true },
    );
    const begun = performance.now();
    expect(await server.receipts.wait(messageId, WAIT)).toMatchObject({
      confirmed: ['alice', 'late'],
      awaited: [],
    });
    expect(performance.now() - begun).toBeGreaterThan(400);
    expect(performance.now() - begun).toBeLessThan(WAIT.timeoutMs / 2);
    const aborted = server.receipts.wait(messageId, { ...WAIT, signal: AbortSignal.abort() });
    expect(await aborted).toMatchObject({ awaited: [] });
    expect(await server.receipts.wait('A'.repeat(32), WAIT)).toBeUndefined();
    await rejectionOf<RtcValidationError>(server.receipts.wait(messageId, {} as never));
  });

  it('is known by every method that sends it, and by its ID in the report', async () => {
    const [alice] = [server.join('alice'), server.join('bob')];
    const outside = emulator.login('alice', { receiver: true });
    outside.setServerParams(server.signatureOf('alice'), server.url);
    const receipt = { receipt: true };
    const each: (string | undefined)[] = [];
    await server.rooms.sendEach(
      [
        { ...ROOM, to: 'alice' },
        { ...ROOM, to: 'bob' },
      ],
      {
        ...receipt,
        onChunk: ({ messageId }) => void each.push(messageId),
      },
    );
    const ids = [
      (await server.rooms.send({ ...ROOM, to: 'alice' }, receipt)).messageId,
      (await server.rooms.fanOut({ ...ROOM, to: ['alice', 'bob'] }, { ...receipt, chunkSize: 1 })).messageId,
      (await server.app.get(UserUnicastService).send({ to: 'alice', message: 'hello' }, receipt)).messageId,
      ...each,
    ];
    for (const messageId of ids) {
      const status = await server.receipts.wait(String(messageId), WAIT);
      expect(status?.awaited).toEqual([]);
      expect(status?.confirmed.length).toBeGreaterThan(0);
    }
    expect(alice.shown).toHaveLength(3);
  });

  it('tells what became of an unknown outcome', async () => {
    server.join('alice');
    emulator.faults.add({ kind: 'reset', accept: true });
    const error = await rejectionOf<RtcQuotaError>(
      server.rooms.batchSend({ ...ROOM, to: ['alice', 'bob'] }, { receipt: true }),
    );
    expect(error.outcome).toBe('unknown');
    await until(() => server.counts.confirmed === 1);
    const status = await server.receipts.status(String(error.messageId));
    expect(status).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
  });

  it('is awaited from nobody whom it was certainly not sent to', async () => {
    emulator.faults.add({ kind: 'error', code: 'AccessDenied' });
    const error = await rejectionOf<RtcQuotaError>(
      server.rooms.batchSend({ ...ROOM, to: ['alice'] }, { receipt: true }),
    );
    expect(await server.receipts.status(String(error.messageId))).toBeUndefined();
  });

  it('is sent once, and awaited, where a list names a user twice, and not from whom it was refused', async () => {
    const alice = server.join('alice', { receiver: { confirmAfterMs: Infinity } });
    for (const dedupe of ['chunk', 'all', 'none'] as const) {
      const report = await server.rooms.fanOut(
        { ...ROOM, to: ['alice', 'carol', 'bob', 'alice'] },
        {
          receipt: true,
          chunkSize: 1,
          concurrency: 1,
          dedupe,
          onChunk: ({ index }) => {
            const fault = { kind: 'error', code: 'InvalidParameter.IllegalTo', times: 1 } as const;
            if (index === 0) emulator.faults.add(fault);
          },
        },
      );
      expect(report.counts).toMatchObject({ accepted: 2, rejected: 1, duplicates: 1 });
      const messageId = String(report.messageId);
      expect(await server.receipts.status(messageId)).toMatchObject({ awaited: ['alice', 'bob'] });
      await server.post(writeReceipts([messageId]), server.signatureOf('alice'));
      const status = await server.receipts.status(messageId);
      expect(status).toMatchObject({ confirmed: ['alice'], awaited: ['bob'] });
    }
    expect(alice.shown).toHaveLength(3);
    expect(server.counts).toMatchObject({ confirmed: 3, not_awaited: 0 });
  });

  it('is awaited, and timed, from when it leaves, and not while it waits for the quota', async () => {
    // The last one waits for three seconds.
    await start({ receipts: { awaitMs: 2_000 }, quota: { requestsPerSecond: 1 }, deadlineMs: 60_000 });
    server.join('alice');
    const receipt = { receipt: true };
    await Promise.all(
      Array.from({ length: 4 }, () => server.rooms.batchSend({ ...ROOM, to: ['alice'] }, receipt)),
    );
    await until(() => events.length === 4);
    expect(server.counts).toMatchObject({ confirmed: 4, not_awaited: 0 });
    for (const { delayMs = Infinity } of events) expect(delayMs).toBeLessThan(2_000);
  });

  it('is refused before it is sent, when more receipts would be awaited than may be', async () => {
    await start({ receipts: { maxAwaited: 3 } });
    server.join('alice');
    const receipt = { receipt: true };
    await server.rooms.batchSend({ ...ROOM, to: ['alice', 'bob'] }, receipt);
    await until(() => server.counts.confirmed === 1);
    const { length } = emulator.requests;
    const error = await rejectionOf<RtcQuotaError>(
      server.rooms.batchSend({ ...ROOM, to: ['a', 'b', 'c'] }, receipt),
    );
    expect(error).toBeInstanceOf(RtcQuotaError);
    expect(error).toMatchObject({
      outcome: 'not_attempted',
      message: 'The message was not sent: more than 3 receipts would be awaited (maxAwaited).',
    });
    expect(emulator.requests).toHaveLength(length);
    // Who has confirmed is awaited no more, so there is room for two.
    await server.rooms.batchSend({ ...ROOM, to: ['a', 'b'] }, receipt);
    const to = ['x', 'y'];
    const sent = emulator.requests.length;
    const refused = await rejectionOf(server.rooms.fanOut({ ...ROOM, to }, { ...receipt, chunkSize: 1 }));
    expect(refused).toMatchObject({ code: 'RTC_QUOTA', outcome: 'not_attempted' });
    expect(emulator.requests).toHaveLength(sent);
    expect(refused).toHaveProperty('messageId', expect.any(String));
    const each = to.map((one) => ({ ...ROOM, to: one }));
    expect(await rejectionOf(server.rooms.sendEach(each, receipt))).toMatchObject({ code: 'RTC_QUOTA' });
    expect(emulator.requests).toHaveLength(sent);
    await server.rooms.batchSend({ ...ROOM, to: ['x'] }, { once: true });
  });

  it('is sent to two lists that fit only alone as receipts make room, and never awaited from more than may be', async () => {
    await start({ receipts: { maxAwaited: 20 } });
    const listOf = (prefix: string): string[] =>
      Array.from({ length: 15 }, (_, index) => `${prefix}-${index}`);
    const [a, b] = [listOf('a'), listOf('b')];
    // Late enough for receipts of both lists to be awaited at once.
    for (const userId of [...a, ...b]) server.join(userId, { receiver: { confirmAfterMs: 500 } });
    // A refused chunk is sent again.
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', times: 1 });
    let most = 0;
    const ids = new Set<string>();
    const onChunk = async ({ messageId = '' }: ChunkOutcome): Promise<void> => {
      ids.add(messageId);
      const all = await Promise.all([...ids].map((id) => server.receipts.status(id)));
      most = Math.max(
        most,
        all.reduce((sum, status) => sum + (status?.awaited.length ?? 0), 0),
      );
    };
    const options = { receipt: true, chunkSize: 4, onChunk };
    const reports = await Promise.all(
      [a, b].map((to) => server.rooms.fanOut({ ...ROOM, to: [...to, ...to, 'no id'] }, options)),
    );
    for (const { counts } of reports)
      expect(counts).toMatchObject({ accepted: 15, duplicates: 15, invalid: 1 });
    expect(most).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(20);
    // What is no longer awaited is free again.
    for (const { messageId } of reports) await server.receipts.wait(String(messageId), WAIT);
    await server.rooms.fanOut({ ...ROOM, to: listOf('c') }, { receipt: true });
  });

  it('is awaited from no more than may be where a list grows, or many are sent at once', async () => {
    await start({ receipts: { maxAwaited: 5 } });
    const to = Array.from({ length: 4 }, (_, index) => `first-${index}`);
    const fanOut = server.rooms.fanOut({ ...ROOM, to }, { receipt: true, chunkSize: 2, deadlineMs: 2_000 });
    for (let index = 0; index < 50; index++) to.push(`later-${index}`);
    const { counts, stop } = await fanOut;
    expect(counts).toMatchObject({ accepted: 4, notAttempted: counts.input - 4 });
    expect(stop?.reason).toBe('deadline');
    const sends = Array.from({ length: 20 }, (_, index) =>
      server.rooms.send({ ...ROOM, to: `one-${index}` }, { receipt: true }),
    );
    const ends = (await Promise.allSettled(sends)).map(({ status }) => status);
    expect(ends.filter((end) => end === 'fulfilled')).toHaveLength(1);
  });

  it('that is refused for want of room is a call with an outcome, as one that the quota refuses', async () => {
    await start({ receipts: { maxAwaited: 1 } });
    const told: string[] = [];
    const tell = (event: unknown): void => {
      const { type, outcome, code } = event as { type: string; outcome?: string; code?: string };
      told.push([type, outcome, code].join(' ').trim());
    };
    for (const type of ['begin', 'outcome']) subscribe(`nestjs-rtc-messaging:${type}`, tell);
    await rejectionOf(server.rooms.batchSend({ ...ROOM, to: ['a', 'b'] }, { receipt: true }));
    for (const type of ['begin', 'outcome']) unsubscribe(`nestjs-rtc-messaging:${type}`, tell);
    expect(told).toEqual(['begin', 'outcome not_attempted RTC_QUOTA']);
  });

  it('waits for room where nobody knows how many there will be, until the fan-out has no more time', async () => {
    await start({ receipts: { maxAwaited: 5 } });
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    for (const userId of users) server.join(userId);
    const options = { receipt: true, chunkSize: 3, concurrency: 3 };
    const report = await server.rooms.fanOut({ ...ROOM, to: users.values() }, options);
    expect(report).toMatchObject({ status: 'accepted', counts: { accepted: 20 } });
    await server.receipts.wait(String(report.messageId), WAIT);
    expect(server.counts).toEqual({
      confirmed: 20,
      repeated: 0,
      not_awaited: 0,
    });
    const absent = users.map((userId) => `absent-${userId}`);
    const late = await server.rooms.fanOut(
      { ...ROOM, to: absent.values() },
      { ...options, deadlineMs: 1_500 },
    );
    expect(late).toMatchObject({ status: 'aborted', stop: { reason: 'deadline' }, counts: { accepted: 3 } });
    expect((await server.receipts.status(String(late.messageId)))?.awaited).toHaveLength(3);
    const tooMany = { ...options, chunkSize: 6 };
    const never = await server.rooms.fanOut({ ...ROOM, to: users.values() }, tooMany);
    expect(never).toMatchObject({ status: 'aborted', stop: { reason: 'quota' }, counts: { accepted: 0 } });
  });

  it('waits for room for one more chunk, with nobody taken out whom another chunk has reached', async () => {
    await start({ receipts: { maxAwaited: 3 } });
    const alice = server.join('alice', { receiver: { confirmAfterMs: Infinity } });
    const to = ['alice', 'bob', 'carol', 'alice', 'dave'];
    const report = await server.rooms.fanOut(
      { ...ROOM, to: to.values() },
      { receipt: true, chunkSize: 3, concurrency: 1, deadlineMs: 1_500 },
    );
    expect(report).toMatchObject({ counts: { accepted: 3, duplicates: 1, notAttempted: 1 } });
    const messageId = String(report.messageId);
    expect(await server.receipts.status(messageId)).toMatchObject({ awaited: ['alice', 'bob', 'carol'] });
    await server.post(writeReceipts([messageId]), server.signatureOf('alice'));
    expect(await server.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'] });
    expect(alice.shown).toHaveLength(1);
  });

  it('needs room for those alone who are in the room, when absent users are skipped', async () => {
    await start({ receipts: { maxAwaited: 2 } });
    server.join('alice');
    const to = ['alice', ...Array.from({ length: 20 }, (_, index) => `absent-${index}`)];
    const report = await server.rooms.fanOut({ ...ROOM, to, skipAbsent: true }, { receipt: true });
    expect(report).toMatchObject({ status: 'accepted', counts: { accepted: 1, absent: 20 } });
  });

  it('is awaited, and timed, from its last attempt', async () => {
    await start({ receipts: { awaitMs: 2_500 } });
    server.join('alice');
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded', retryAfter: 3, times: 1 });
    const { messageId = '', attempts } = await server.rooms.send({ ...ROOM, to: 'alice' }, { receipt: true });
    expect(attempts).toHaveLength(2);
    expect(await server.receipts.wait(messageId, WAIT)).toMatchObject({ confirmed: ['alice'] });
    const [{ delayMs = Infinity } = {}] = events;
    expect(delayMs).toBeLessThan(2_500);
  });

  it('lets nobody wait for it who need not: all have it, or the app closes', async () => {
    server.join('alice');
    const { messageId = '' } = await server.rooms.batchSend({ ...ROOM, to: ['alice'] }, { receipt: true });
    const begun = performance.now();
    const waits = Array.from({ length: 2_000 }, () => server.receipts.wait(messageId, WAIT));
    for (const status of await Promise.all(waits)) expect(status).toMatchObject({ confirmed: ['alice'] });
    expect(performance.now() - begun).toBeLessThan(WAIT.timeoutMs / 2);
    const silent = await server.rooms.batchSend({ ...ROOM, to: ['nobody'] }, { receipt: true });
    const waiting = server.receipts.wait(String(silent.messageId), { timeoutMs: 600_000 });
    await server.close();
    expect(await waiting).toMatchObject({ awaited: ['nobody'] });
    expect(performance.now() - begun).toBeLessThan(WAIT.timeoutMs);
    await start();
  });

  it('is forgotten when its time is over, with what was awaited', async () => {
    await start({ receipts: { maxAwaited: 2, awaitMs: 2_000 } });
    const { messageId = '' } = await server.rooms.batchSend(
      { ...ROOM, to: ['alice', 'bob'] },
      { receipt: true },
    );
    expect(await server.receipts.status(messageId)).toBeDefined();
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await server.receipts.status(messageId)).toBeUndefined();
    await server.post(writeReceipts([messageId]), server.signatureOf('alice'));
    expect(server.counts).toMatchObject({ confirmed: 0, not_awaited: 1 });
    await server.rooms.batchSend({ ...ROOM, to: ['alice', 'bob'] }, { receipt: true });
  });

  it('has receipts that are refused where they are forged, of others, replayed or of nothing', async () => {
    const lines: string[] = [];
    const logger = { log: () => undefined, error: () => undefined, debug: () => undefined };
    server.app.useLogger({ ...logger, warn: (line: string) => void lines.push(line) });
    const { messageId = '' } = await server.rooms.batchSend({ ...ROOM, to: ['alice'] }, { receipt: true });
    const text = writeReceipts([messageId]);
    const mine = server.signatureOf('alice');
    const others = server.signatureOf('mallory');
    for (let time = 0; time < 3; time++) {
      expect(await server.post(text, others)).toBe(200);
      expect(await server.post(writeReceipts(['B'.repeat(16) + '0'.repeat(16)]), others)).toBe(200);
      expect(await server.post(text, `${mine.slice(0, -2)}xx`)).toBe(401);
      expect(await server.post(text, '')).toBe(401);
    }
    expect(await server.receipts.status(messageId)).toMatchObject({ confirmed: [], awaited: ['alice'] });
    for (let time = 0; time < 4; time++) expect(await server.post(text, mine)).toBe(200);
    expect(await server.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'], awaited: [] });
    expect(server.counts).toEqual({
      confirmed: 1,
      repeated: 3,
      not_awaited: 6,
    });
    const refused = lines.filter((line) => line.startsWith('Receipts: '));
    expect(refused.map((line) => line.replace(/ It happened.*/, ''))).toEqual([
      'Receipts: one was refused. Its message was not sent to the user who confirms it, or is no longer known (awaitMs).',
      'Receipts: one was refused. It had counted before: the answer to the client was lost, or somebody sends it again.',
    ]);
    expect(lines.join('\n')).not.toContain(messageId);
    // What only looks like receipts is the app's, which has no handler here.
    expect(await server.post(text.slice(0, -1), mine)).toBe(404);
    expect(await server.post('a hand is raised', mine)).toBe(404);
  });

  it('counts once, whatever a client puts into its receipts', async () => {
    const { messageId = '' } = await server.rooms.batchSend({ ...ROOM, to: ['alice'] }, { receipt: true });
    const mine = server.signatureOf('alice');
    const post = (ids: readonly string[]): Promise<number> => server.post(`[rtc1c:${ids.join('')}]`, mine);
    // More than a message may have, more than a text of receipts may have, and what is no ID.
    // The server may close the connection before it was sent all.
    expect(await post(Array<string>(100_000).fill(messageId)).catch(() => 413)).toBe(413);
    expect(await post(Array<string>(2_000).fill(messageId))).toBe(404);
    for (const ids of [[], [messageId.slice(1)], [messageId, 'x'], ['null'], [`${messageId.slice(1)}+`]])
      expect(await post(ids)).toBe(404);
    const body = (message: unknown, binary: unknown): string =>
      JSON.stringify({ message, binary, signature: mine });
    const text = writeReceipts([messageId]);
    for (const [given, status] of [
      [body(Buffer.from(text).toString('base64'), true), 404],
      [body([text], false), 400],
      [body({ text }, false), 400],
      [body(null, false), 400],
    ] as const)
      expect((await fetch(server.url, { method: 'POST', body: given })).status).toBe(status);
    expect(server.counts).toEqual({ confirmed: 0, repeated: 0, not_awaited: 0 });
    const strange = ['__proto__'.padEnd(32, '_'), 'constructor'.padEnd(32, '-'), 'a'.repeat(32)];
    expect(await post([...strange, ...Array<string>(997).fill(messageId)])).toBe(200);
    expect(server.counts).toEqual({ confirmed: 1, repeated: 996, not_awaited: 3 });
    expect(await server.receipts.status(messageId)).toMatchObject({ confirmed: ['alice'], awaited: [] });
    for (const id of [undefined, null, 7, {}, [], Symbol('of the test'), '__proto__', 'x'.repeat(100_000)])
      expect(await server.receipts.status(id as string)).toBeUndefined();
  });

  it('is measured: how long it took, and whether receipts count', async () => {
    const sdk = startSdk();
    try {
      await start();
      server.join('alice');
      const { messageId = '' } = await server.rooms.batchSend({ ...ROOM, to: ['alice'] }, { receipt: true });
      await server.receipts.wait(messageId, WAIT);
      await server.post(writeReceipts([messageId]), server.signatureOf('mallory'));
      const [duration] = await sdk.points('nestjs_rtc_messaging.delivery.duration');
      expect(duration?.value).toMatchObject({ count: 1 });
      const points = await sdk.points('nestjs_rtc_messaging.receipts');
      expect(
        points.map(({ attributes, value }) => [attributes['nestjs_rtc_messaging.receipt.status'], value]),
      ).toEqual([
        ['confirmed', 1],
        ['not_awaited', 1],
      ]);
    } finally {
      await sdk.close();
    }
  });

  it('keeps apart modules with names, whose users are others of the same ID', async () => {
    const { appId } = emulator.moduleOptions();
    const module = await Test.createTestingModule({
      imports: [
        RtcMessagingModule.forRoot({ ...emulator.moduleOptions(), name: 'other' }),
        RtcCallbackModule.forRoot({
          name: 'other',
          appId,
          clientMessages: { path: '/other', secrets: ['another-secret-of-clients'] },
          receipts: {},
        }),
      ],
    }).compile();
    await module.init();
    const rooms = module.get(getRoomUnicastToken('other'), { strict: false });
    const receipts = module.get(getReceiptsToken('other'), { strict: false });
    const { messageId } = await rooms.send({ ...ROOM, to: 'alice' }, { receipt: true });
    expect(await receipts.status(String(messageId))).toMatchObject({ awaited: ['alice'] });
    await server.post(writeReceipts([String(messageId)]), server.signatureOf('alice'));
    expect(server.counts.not_awaited).toBe(1);
    expect(await receipts.status(String(messageId))).toMatchObject({ awaited: ['alice'] });
    await module.close();
  });
});

describe('the receiver of a participant', () => {
  it('is refused with what is wrong in its options', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator);
    const wrong = [
      [{ from: [] }, "`from`: must be the server's user ID, or a list of them"],
      [{ from: '' }, '`from`'],
      [{ from: ['server', 7] }, '`from`'],
      [{ storage: { load: () => null } }, 'storage.save'],
    ] as const;
    for (const [receiver, message] of wrong)
      expect(() => server.join('alice', { receiver: receiver as never })).toThrow(message);
    await server.close();
    await emulator.close();
  });

  it('takes the prefix off messages of the sender alone whom the app names, or who is in moduleOptions()', async () => {
    const emulator = await RtcEmulator.start({ from: 'business' });
    const server = await ReceiptApp.start(emulator, { from: 'robot' });
    const forgot = server.join('forgot');
    const named = server.join('named', { receiver: { from: ['business', 'robot'] } });
    const { messageId = '' } = await server.rooms.batchSend(
      { ...ROOM, to: ['forgot', 'named'] },
      { receipt: true },
    );
    await server.rooms.batchSend({ ...ROOM, from: 'business', to: ['forgot'] }, { once: true });
    expect(named.shown).toEqual([{ from: 'robot', message: 'hello', messageId }]);
    expect(forgot.shown.map(({ message }) => message)).toEqual([`[rtc1r:${messageId}]hello`, 'hello']);
    const status = await server.receipts.wait(messageId, { timeoutMs: 1_000 });
    expect(status).toMatchObject({ confirmed: ['named'], awaited: ['forgot'] });
    await server.close();
    await emulator.close();
  });

  it('shows a message again after a restart without a storage, and not with one', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator);
    let saved = '';
    const storage = { load: () => saved, save: (seen: string) => void (saved = seen) };
    for (const [receiver, times] of [
      [true, 2],
      [{ storage }, 1],
    ] as const) {
      const before = server.join('alice', { receiver });
      await server.rooms.batchSend({ ...ROOM, to: ['alice'] }, { receipt: true });
      const { message } = before.received[0]!;
      before.leave();
      const after = server.join('alice', { receiver });
      after.receive({ ...before.received[0]!, message } as never);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect([...before.shown, ...after.shown]).toHaveLength(times);
      after.leave();
    }
    await server.close();
    await emulator.close();
  });

  it('sends nothing more when the emulator closes, so that the process can end', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator);
    let sent = 0;
    for (const confirmAfterMs of [0, 300]) {
      const alice = server.join(`alice-${confirmAfterMs}`, { receiver: { confirmAfterMs } });
      alice.on('onServerMessageSendResult', () => void (sent += 1));
    }
    await server.rooms.batchSend({ ...ROOM, to: ['alice-0', 'alice-300'] }, { receipt: true });
    await server.close();
    await emulator.close();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(sent).toBeLessThanOrEqual(2);
  });

  it('confirms once, however late, and again if the receipt did not arrive', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator);
    const sent = { never: 0, late: 0, again: 0 };
    for (const [userId, confirmAfterMs] of [
      ['never', 2_147_483_647],
      ['late', 12_000],
      ['again', 100],
    ] as const) {
      const user = server.join(userId, { receiver: { confirmAfterMs } });
      user.on('onServerMessageSendResult', () => void (sent[userId] += 1));
    }
    emulator.faults.add({ kind: 'callback_lost', times: 1 });
    await server.rooms.batchSend({ ...ROOM, to: Object.keys(sent) }, { receipt: true });
    await until(() => server.counts.confirmed === 2);
    // Longer than it takes to confirm again.
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    expect(sent).toEqual({ never: 0, late: 1, again: 2 });
    expect(server.counts).toMatchObject({ confirmed: 2, repeated: 0 });
    await server.close();
    await emulator.close();
  });
});

describe('`receipts` of RtcCallbackModule', () => {
  const messaging = (name?: string) =>
    RtcMessagingModule.forRoot({
      name,
      appId: 'app',
      from: 'server',
      credentials: { accessKeyId: 'id', secretAccessKey: 'secret' },
    });
  const path = '/messages';
  const clientMessages = { path, secrets: ['a-secret-of-clients-that-is-long'] };
  const callbacks = (given: Partial<RtcCallbackOptions> & { readonly name?: string }) =>
    RtcCallbackModule.forRoot({ appId: 'app', clientMessages, ...given });
  const boot = async (...imports: DynamicModule[]): Promise<TestingModule> =>
    (await Test.createTestingModule({ imports }).compile()).init();
  const failureOf = async (...imports: DynamicModule[]): Promise<string> =>
    (await rejectionOf(boot(...imports))).message;

  it('fails the boot with what is wrong, or missing beside it', async () => {
    const wrong = { maxAwaited: 0, awaitMs: 'x', redis: {}, maxAwait: 1 } as never;
    const message = await failureOf(messaging(), callbacks({ receipts: wrong }));
    for (const option of ['maxAwaited', 'awaitMs', 'redis', 'maxAwait'])
      expect(message).toContain(`RtcCallbackModule.receipts.${option}`);
    const events = { path: '/events', secrets: ['a-secret-of-events'] };
    expect(await failureOf(callbacks({ receipts: {}, events, clientMessages: undefined }))).toContain(
      'RtcCallbackModule.clientMessages: is missing, as which receipts come',
    );
    const second = { path: '/others', secrets: clientMessages.secrets };
    // Senders would await receipts with one, and clients' receipts go to the other.
    expect(
      await failureOf(
        messaging(),
        callbacks({ receipts: {} }),
        callbacks({ receipts: {}, clientMessages: second }),
      ),
    ).toContain('is the second RtcCallbackModule');
  });

  it('may come from a factory, in a module that any other imports', async () => {
    const feature = {
      module: class Feature {},
      imports: [
        RtcCallbackModule.forRootAsync({
          useFactory: async () => ({ appId: 'app', clientMessages, receipts: { maxAwaited: 1 } }),
        }),
      ],
    };
    const module = await boot(messaging(), feature);
    const rooms = module.get(RoomUnicastService, { strict: false });
    const to = ['alice', 'bob'];
    expect(await rejectionOf(rooms.batchSend({ ...ROOM, to }, { receipt: true }))).toMatchObject({
      code: 'RTC_QUOTA',
    });
    await module.close();
  });

  it('is said to be missing by the service, and by senders of another name', async () => {
    const module = await boot(
      messaging('eu'),
      messaging('us'),
      callbacks({}),
      callbacks({ name: 'us', receipts: {}, clientMessages: { ...clientMessages, path: '/us' } }),
    );
    const without = module.get(ReceiptService, { strict: false });
    for (const call of [without.status('m1'), without.wait('m1', WAIT)])
      expect((await rejectionOf(call)).message).toContain('RtcCallbackModule.receipts: is missing');
    const us: ReceiptService = module.get(getReceiptsToken('us'), { strict: false });
    expect(await us.status('m1')).toBeUndefined();
    const eu: RoomUnicastService = module.get(getRoomUnicastToken('eu'), { strict: false });
    const error = await rejectionOf<RtcValidationError>(eu.send({ ...ROOM, to: 'alice' }, { receipt: true }));
    expect(error.issues).toMatchObject([{ path: 'options.receipt' }]);
    await module.close();
  });

  it('leaves all other messages of clients to the handler of the app', async () => {
    const seen: unknown[] = [];
    class Answers {
      @OnClientMessage()
      answer({ message }: { readonly message: unknown }): string {
        seen.push(message);
        return 'handled';
      }
    }
    const module = await Test.createTestingModule({
      imports: [callbacks({ receipts: {} })],
      providers: [Answers],
    }).compile();
    const app = module.createNestApplication();
    app.useLogger(false);
    await app.listen(0, '127.0.0.1');
    const signature = app.get(ClientSignatureService).issue({ userId: 'alice', expiresInSeconds: 60 });
    const say = async (message: string): Promise<string> => {
      const body = JSON.stringify({ message, binary: false, signature });
      return (await fetch(`${await app.getUrl()}${path}`, { method: 'POST', body })).text();
    };
    expect(await say(writeReceipts(['A'.repeat(32)]))).toBe('');
    expect(await say('a hand is raised')).toBe('handled');
    expect(seen).toEqual(['a hand is raised']);
    await app.close();
  });
});
