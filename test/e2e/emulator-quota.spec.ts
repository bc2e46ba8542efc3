import { afterEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import { setTimeout as sleep } from 'node:timers/promises';
import { RoomUnicastService, RtcApiError, type RtcMessagingOptions } from 'nestjs-rtc-messaging';
import { RtcEmulator, type RtcEmulatorOptions } from 'nestjs-rtc-messaging/emulator';
import { sendRaw, unicastBody } from '../support/raw-request.js';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';
import { until } from '../support/until.js';

let emulator: RtcEmulator;
let module: TestingModule;
afterEach(async () => {
  await module.close();
  await emulator.close();
});

/** A service that is not held back, and is told of each refusal. */
async function open(
  options: RtcEmulatorOptions,
  more: RtcMessagingOptions = {},
): Promise<RoomUnicastService> {
  emulator = await RtcEmulator.start(options);
  const created = await createService({
    ...emulator.moduleOptions(),
    quota: { requestsPerSecond: 100_000 },
    retry: { maxAttempts: 1 },
    ...more,
  });
  ({ module } = created);
  return created.service;
}
const users = (count: number): string[] => Array.from({ length: count }, (_none, index) => `user-${index}`);
const outcomes = (): string[] => emulator.requests.map(({ outcome }) => outcome);

describe("the emulator's quota", () => {
  it('can count recipients, each request as a whole', async () => {
    const service = await open({ quota: { requestsPerSecond: 500, costPer: 'recipient' } });
    const send = (count: number) => service.batchSend({ roomId: 'room', to: users(count), message: 'hi' });
    await send(300);
    const error = await rejectionOf<RtcApiError>(send(201));
    expect(error).toBeInstanceOf(RtcApiError);
    expect(error).toMatchObject({ apiCode: 'FlowLimitExceeded.QPSOverLimit', httpStatus: 429 });
    expect(error.message).not.toContain('user-');
    expect(outcomes()).toEqual(['accepted', 'refused']);
  });

  it.each([
    ['a room', 499, 3],
    ['a large room', 500, 2],
  ])('has a limit for %s', async (_what, count, limit) => {
    const service = await open({ roomMessagesPerSecond: 3, largeRoomMessagesPerSecond: 2 });
    for (const user of users(count)) emulator.room('room').join(user);
    // At once, so that all are in the same second.
    const sends = Array.from({ length: 6 }, () =>
      service.send({ roomId: 'room', to: 'user-0', message: 'hi' }),
    );
    const results = await Promise.allSettled([
      ...sends,
      service.send({ roomId: 'b', to: 'a', message: 'hi' }),
    ]);
    const refusals = results.flatMap((result) =>
      result.status === 'rejected' ? [result.reason as unknown] : [],
    );
    expect(refusals).toHaveLength(6 - limit);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ apiCode: 'FlowLimitExceeded.QPSOverLimit' });
    }
  });

  it('refuses an illegal room as illegal, where rooms have a limit', async () => {
    await open({ roomMessagesPerSecond: 3 });
    const { status, body } = await sendRaw(emulator, { body: unicastBody({ RoomId: 'a b' }) });
    expect([status, body.ResponseMetadata.Error.Code]).toEqual([400, 'InvalidParameter.IllegalRoomID']);
  });

  it('spends nothing for a room or for users that an action does not take', async () => {
    await open({ roomMessagesPerSecond: 1, quota: { requestsPerSecond: 4, costPer: 'recipient' } });
    const statusOf = async (action: string, changes: Record<string, unknown>): Promise<number> => {
      const query = `Action=${action}&Version=2023-07-20`;
      return (await sendRaw(emulator, { query, body: unicastBody(changes) })).status;
    };
    expect(await statusOf('SendUnicast', { To: 'alice' })).toBe(200);
    expect(await statusOf('SendUnicast', { To: 'alice' })).toBe(200);
    expect(await statusOf('SendBroadcast', { To: Array.from({ length: 9 }, () => 'alice') })).toBe(200);
  });

  it('holds for an account that was idle, however many rooms are forgotten', async () => {
    const quota = { requestsPerSecond: 1_000, costPer: 'recipient' } as const;
    const service = await open({ quota, roomMessagesPerSecond: 1_000 });
    const send = (roomId: string, count: number) =>
      service.batchSend({ roomId, to: users(count), message: 'hi' });
    // With the account, there are then as many windows as it takes for the empty ones to be forgotten.
    await Promise.all(Array.from({ length: 999 }, (_, room) => send(`room-${room}`, 1)));
    await sleep(1_100);
    await send('another', 600);
    expect(await rejectionOf(send('one-more', 600))).toMatchObject({ httpStatus: 429 });
  });

  it('can lose what is beyond the limit of a room silently, and records it', async () => {
    const service = await open({ roomMessagesPerSecond: 1, overRoomLimit: 'drop' });
    const alice = emulator.room('room').join('alice');
    for (const message of ['first', 'second']) await service.send({ roomId: 'room', to: 'alice', message });
    expect(alice.received.map(({ message }) => message)).toEqual(['first']);
    expect(outcomes()).toEqual(['accepted', 'dropped']);
  });

  it('counts what it loses silently to the quota of the account, as what is answered well', async () => {
    await open({ quota: { requestsPerSecond: 2 }, roomMessagesPerSecond: 1, overRoomLimit: 'drop' });
    for (let sent = 0; sent < 3; sent += 1) await sendRaw(emulator);
    expect(outcomes()).toEqual(['accepted', 'dropped', 'refused']);
  });

  it.each<[RtcEmulatorOptions, string]>([
    [
      { quota: { requestsPerSecond: 0 } },
      'quota.requestsPerSecond: must be a whole number from 1, or Infinity',
    ],
    [{ quota: { costPer: 'user' as never } }, 'quota.costPer: must be request or recipient'],
    [{ quota: { window: 'any' as never } }, 'quota.window: must be sliding or fixed'],
    [{ quota: { perSecond: 1 } as never }, 'quota.perSecond: is not an option; there are requestsPerSecond'],
    [{ quota: null as never }, 'quota: must be an object'],
    [{ roomMessagesPerSecond: -1 }, 'roomMessagesPerSecond: must be a whole number from 1, or Infinity'],
    [{ overRoomLimit: 'lose' as never }, 'overRoomLimit: must be refuse or drop'],
  ])('is checked: %j', async (options, problem) => {
    const service = await open({});
    expect(service).toBeDefined();
    await expect(RtcEmulator.start(options)).rejects.toThrow(problem);
  });
});

describe('a client that counts requests while the account counts recipients', () => {
  it('sends everything once, after a handful of refusals', async () => {
    const service = await open(
      { quota: { requestsPerSecond: 500, costPer: 'recipient' } },
      { quota: { requestsPerSecond: 500 } },
    );
    const report = await service.fanOut({ roomId: 'room', to: users(2_000), message: 'all' });
    expect(report).toMatchObject({ status: 'accepted', counts: { accepted: 2_000 } });
    expect(report.throttled).toBeLessThanOrEqual(30);
    expect(emulator.requests.filter(({ outcome }) => outcome === 'refused').length).toBe(report.throttled);
    expect(emulator.deliveries.duplicates()).toEqual([]);
  });

  it('is refused nothing where its options say what counts', async () => {
    const service = await open(
      { quota: { requestsPerSecond: 500, costPer: 'recipient' } },
      { quota: { requestsPerSecond: 500, costPer: 'recipient' } },
    );
    const started = performance.now();
    const report = await service.fanOut({ roomId: 'room', to: users(2_000), message: 'all' });
    expect(report).toMatchObject({
      status: 'accepted',
      counts: { accepted: 2_000 },
      throttled: 0,
      requests: 80,
    });
    expect(performance.now() - started).toBeGreaterThan(3_000);
  });

  it('keeps to the limit of a room, and sends into others meanwhile', async () => {
    const service = await open(
      { roomMessagesPerSecond: 20 },
      { quota: { requestsPerSecond: 500, roomMessagesPerSecond: 20 } },
    );
    const fanOut = service.fanOut({ roomId: 'busy', to: users(60), message: 'all' }, { chunkSize: 1 });
    // All that the room may have in a second; the rest waits.
    await until(() => emulator.requests.length >= 20);
    await service.send({ roomId: 'quiet', to: 'alice', message: 'hi' });
    expect(emulator.requests.length).toBeLessThan(60);
    expect(await fanOut).toMatchObject({ status: 'accepted', throttled: 0 });
    expect(outcomes().includes('refused')).toBe(false);
  });
});
