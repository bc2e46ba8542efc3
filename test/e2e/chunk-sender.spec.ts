import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import type { RoomUnicastService } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import type { FanOutStop } from '../../lib/fan-out/fan-out-report.js';
import { FanOutTally } from '../../lib/fan-out/fan-out-tally.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { createService } from '../support/service.js';

let emulator: RtcEmulator;
let module: TestingModule;
let service: RoomUnicastService;
beforeEach(async () => {
  emulator = await RtcEmulator.start({ requestsPerSecond: Number.POSITIVE_INFINITY });
  // A chunk of two leaves in two requests.
  ({ module, service } = await createService({
    ...emulator.moduleOptions(),
    quota: { costPer: 'recipient', requestsPerSecond: 20 },
  }));
});
afterEach(async () => {
  await module.close();
  await emulator.close();
});

/** Sends a chunk of two recipients. */
async function sendAsking(beforeSend: () => Promise<boolean>, stop = new Cancellation()) {
  const tally = new FanOutTally(true, true);
  const stops: (FanOutStop | undefined)[] = [];
  const fanOut = { module: 'default', id: 'f', startedAt: new Date().toISOString() };
  const sender = service.chunkSenders!().open({ roomId: 'room-1', message: 'hello' }, undefined);
  const chunk = { index: 0, recipients: ['alice', 'bob'] };
  for await (const part of sender.sendChunk(chunk, tally, { stop, fanOut, beforeSend }))
    stops.push(part.stop);
  return { counts: tally.sums, stops, unaccepted: tally.unaccepted };
}

describe('a sender of chunks with beforeSend', () => {
  it('asks before each request, when nothing of that has been sent', async () => {
    const requests: number[] = [];
    const { counts } = await sendAsking(async () => {
      requests.push(emulator.requests.length);
      return true;
    });
    expect(counts).toMatchObject({ accepted: 2 });
    expect(requests).toEqual([0, 1]);
  });

  it('sends nothing more once the answer is no', async () => {
    const answers = [true, false];
    const { counts, stops } = await sendAsking(async () => answers.shift() ?? false);
    expect(counts).toMatchObject({ accepted: 1, notAttempted: 1 });
    expect(stops).toMatchObject([undefined, { reason: 'shutdown' }]);
    expect(emulator.requests).toHaveLength(1);
  });

  it('sends nothing when the callback fails', async () => {
    const { counts, unaccepted } = await sendAsking(() => Promise.reject(new Error('nobody there')));
    expect(counts).toMatchObject({ accepted: 0, notAttempted: 2 });
    expect(unaccepted?.notAttempted).toEqual(['alice', 'bob']);
    expect(emulator.requests).toEqual([]);
  });

  it('can be stopped while it waits for an answer', async () => {
    const stop = new Cancellation();
    const { counts } = await sendAsking(() => {
      setImmediate(() => stop.cancel());
      return new Promise(() => undefined);
    }, stop);
    expect(counts).toMatchObject({ accepted: 0, notAttempted: 2 });
    expect(emulator.requests).toEqual([]);
  });
});
