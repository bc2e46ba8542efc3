import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import type { RoomUnicastService } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { BEFORE_SEND, type FanOutOptionsWithHook } from '../../lib/fan-out/fan-out-request.js';
import { createService } from '../support/service.js';

let emulator: RtcEmulator;
let module: TestingModule;
let service: RoomUnicastService;
beforeEach(async () => {
  emulator = await RtcEmulator.start({ requestsPerSecond: Number.POSITIVE_INFINITY });
  ({ module, service } = await createService(emulator.moduleOptions()));
});
afterEach(async () => {
  await module.close();
  await emulator.close();
});

const REQUEST = { roomId: 'room-1', message: 'hello', to: ['alice', 'bob'] };
const askedBefore = (beforeSend: () => Promise<boolean>): FanOutOptionsWithHook => ({
  chunkSize: 1,
  concurrency: 1,
  chunkDeadlineMs: 2_000,
  [BEFORE_SEND]: beforeSend,
});

describe('a fan-out that must ask before each request', () => {
  it('asks before each one, when nothing of it has been sent', async () => {
    const requests: number[] = [];
    const report = await service.fanOut(
      REQUEST,
      askedBefore(async () => {
        requests.push(emulator.requests.length);
        return true;
      }),
    );
    expect(report.counts).toMatchObject({ accepted: 2 });
    expect(requests).toEqual([0, 1]);
  });

  it('sends nothing more once the answer is no', async () => {
    const answers = [true, false];
    const report = await service.fanOut(
      REQUEST,
      askedBefore(async () => answers.shift() ?? false),
    );
    expect(report).toMatchObject({ status: 'aborted', counts: { accepted: 1, notAttempted: 1 } });
    expect(emulator.requests).toHaveLength(1);
  });

  it('takes a failing question for a no', async () => {
    const report = await service.fanOut(
      REQUEST,
      askedBefore(() => Promise.reject(new Error('nobody there'))),
    );
    expect(report).toMatchObject({ status: 'aborted', counts: { accepted: 0, notAttempted: 1 } });
    expect(emulator.requests).toEqual([]);
  });

  it('can be stopped while it waits for an answer', async () => {
    const aborting = new AbortController();
    const report = await service.fanOut(REQUEST, {
      ...askedBefore(() => {
        setImmediate(() => aborting.abort());
        return new Promise(() => undefined);
      }),
      signal: aborting.signal,
    });
    expect(report).toMatchObject({
      status: 'aborted',
      counts: { notAttempted: 1 },
      stop: { reason: 'aborted' },
    });
  });
});
