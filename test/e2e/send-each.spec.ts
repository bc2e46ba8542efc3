import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import {
  type ChunkOutcome,
  type FanOutReport,
  type RoomUnicastService,
  type RtcMessagingOptions,
  RtcValidationError,
  type SendRoomUnicastRequest,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { rejectionOf } from '../support/rejection.js';
import { createService } from '../support/service.js';

let emulator: RtcEmulator;
let module: TestingModule;
let service: RoomUnicastService;
const start = async (options: Partial<RtcMessagingOptions> = {}): Promise<void> => {
  ({ module, service } = await createService({ ...emulator.moduleOptions(), ...options }));
};
beforeEach(async () => {
  emulator = await RtcEmulator.start();
  await start();
});
afterEach(async () => {
  await module.close();
  await emulator.close();
});
const messageOf = (index: number): SendRoomUnicastRequest => ({
  roomId: `room-${index % 3}`,
  to: `user-${index % 5}`,
  message: `message ${index}`,
});
const sum = (counts: FanOutReport['counts']): number =>
  Object.values({ ...counts, input: 0 }).reduce((total, count) => total + count, 0);

describe('many different messages', () => {
  it('reach each its own user, in its own room, however often a user is named', async () => {
    const participant = emulator.room('room-1').join('user-1');
    const messages = Array.from({ length: 30 }, (_, index) => messageOf(index));
    const report = await service.sendEach(messages);
    expect(report).toMatchObject({
      status: 'accepted',
      counts: {
        input: 30,
        accepted: 30,
        duplicates: 0,
        invalid: 0,
        rejected: 0,
        unknown: 0,
        notAttempted: 0,
      },
      requests: 30,
      chunks: [],
      positions: { rejected: [], unknown: [], notAttempted: [], truncated: false },
    });
    expect(report).not.toHaveProperty('unaccepted');
    const texts = messages
      .filter(({ roomId, to }) => roomId === 'room-1' && to === 'user-1')
      .map(({ message }) => message);
    expect(new Set(participant.received.map(({ message }) => message))).toEqual(new Set(texts));
    expect(participant.received).toHaveLength(texts.length);
  });

  it('are read from any source, as they are sent, and their bytes copied', async () => {
    const participant = emulator.room('room-1').join('alice');
    const bytes = Buffer.alloc(1);
    let read = 0;
    async function* source(): AsyncGenerator<SendRoomUnicastRequest> {
      for (; read < 300; read++) {
        bytes[0] = read % 256;
        yield { roomId: 'room-1', to: 'alice', message: bytes };
      }
    }
    let most = 0;
    let done = 0;
    await service.sendEach(source(), {
      concurrency: 4,
      onChunk: () => {
        done += 1;
        most = Math.max(most, read - done);
      },
    });
    expect(participant.received).toHaveLength(300);
    const sent = participant.received.map(({ message }) => (message as Uint8Array)[0]);
    expect(new Set(sent).size).toBe(256);
    expect(most).toBeLessThanOrEqual(4 + 1);
  });

  it('that break a rule are invalid by their place, and the others are sent', async () => {
    const messages = [
      messageOf(0),
      { ...messageOf(1), to: 'a b' },
      null,
      'hello',
      { ...messageOf(4), message: '' },
      { ...messageOf(5), too: 'much' },
      messageOf(6),
      {
        get roomId(): string {
          throw new Error('CANARY');
        },
      },
    ] as SendRoomUnicastRequest[];
    const report = await service.sendEach(messages);
    expect(report).toMatchObject({ status: 'partial', counts: { input: 8, invalid: 6, accepted: 2 } });
    expect(report.invalid.map(({ position }) => position)).toEqual([1, 2, 3, 4, 5, 7]);
    expect(report.invalid.map(({ message }) => message)).toEqual([
      expect.stringContaining('to: "a b" contains a space'),
      expect.stringContaining('must be an object'),
      expect.stringContaining('must be an object'),
      expect.stringContaining('message: is empty'),
      expect.stringContaining('too: is not a known property'),
      expect.stringContaining("can't be read"),
    ]);
  });

  it('that the service refuses on their own account stop none of the others', async () => {
    emulator.faults.add({ kind: 'error', code: 'InvalidParameter.IllegalRoomID', times: 2 } as never);
    const report = await service.sendEach(
      Array.from({ length: 11 }, (_, index) =>
        index === 0 ? { ...messageOf(0), to: 'a b' } : messageOf(index),
      ),
      {
        concurrency: 1,
      },
    );
    expect(report).toMatchObject({
      status: 'partial',
      counts: { input: 11, invalid: 1, accepted: 8, rejected: 2 },
      positions: { rejected: [1, 2] },
    });
    expect(report.chunks.map(({ index, outcome }: ChunkOutcome) => [index, outcome])).toEqual([
      [1, 'rejected'],
      [2, 'rejected'],
    ]);
  });

  it.each(['InvalidParameter', 'MissingParameter'])(
    'are sent on where one is refused with %s',
    async (code) => {
      emulator.faults.add({ kind: 'error', code, httpStatus: 400, times: 1 } as never);
      const report = await service.sendEach([0, 1, 2, 3].map(messageOf), { concurrency: 1 });
      expect(report).toMatchObject({ status: 'partial', counts: { accepted: 3, rejected: 1 } });
      expect(report).not.toHaveProperty('stop');
    },
  );

  it('are not read from an iterator that gives no results', async () => {
    const source = { [Symbol.iterator]: () => ({ next: () => 1 }) };
    const { stop } = await service.sendEach(source as never);
    expect(stop).toMatchObject({ reason: 'source', error: { name: 'TypeError' } });
  });

  it('stop where the service refuses what all have in common', async () => {
    await module.close();
    await start({ appId: 'another-app' });
    const report = await service.sendEach(
      Array.from({ length: 100 }, (_, index) => messageOf(index)),
      { concurrency: 2 },
    );
    expect(report).toMatchObject({ status: 'aborted', stop: { reason: 'refused' } });
    expect(report.requests).toBeLessThanOrEqual(2);
    expect(sum(report.counts)).toBe(report.counts.input);
  });

  it('report their progress, and end with their signal and their deadline', async () => {
    const progress: number[] = [];
    function* endless(): Generator<SendRoomUnicastRequest> {
      for (let index = 0; ; index++) yield messageOf(index);
    }
    const aborted = await service.sendEach(endless(), {
      signal: AbortSignal.timeout(700),
      onProgress: ({ done }) => progress.push(done),
    });
    expect(aborted).toMatchObject({ status: 'aborted', stop: { reason: 'aborted' } });
    expect(sum(aborted.counts)).toBe(aborted.counts.input);
    expect(aborted.counts.accepted).toBeGreaterThan(0);
    expect(progress.at(-1)).toBe(aborted.counts.input);
    expect(await service.sendEach(endless(), { deadlineMs: 300 })).toMatchObject({
      stop: { reason: 'deadline' },
    });
  });

  it.each<[string, unknown, object, string]>([
    ['text', 'hello', {}, 'messages'],
    ['nothing', undefined, {}, 'messages'],
    ['one request', messageOf(0), {}, 'messages'],
    ['chunks', [], { chunkSize: 10 }, 'options.chunkSize'],
    ['the removal of duplicates', [], { dedupe: 'all' }, 'options.dedupe'],
    ['a concurrency of nothing', [], { concurrency: 0 }, 'options.concurrency'],
  ])('are refused as %s, and nothing is read', async (_what, messages, options, path) => {
    const error = await rejectionOf<RtcValidationError>(service.sendEach(messages as never, options));
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.issues).toMatchObject([{ path }]);
  });
});
