import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import fc from 'fast-check';
import type { FanOutOptions, FanOutReport, RoomUnicastService } from 'nestjs-rtc-messaging';
import { type FaultRule, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { createService } from '../support/service.js';

const RUNS = 500;

/** What a source gives: users (some of them twice), rubbish, and perhaps an end that is none. */
const source = fc.record({
  items: fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.integer({ min: 0, max: 300 }).map((user) => `user-${user}`) },
      { weight: 1, arbitrary: fc.constantFrom<unknown>('a b', '', null, 7, undefined, {}) },
    ),
    { maxLength: 400 },
  ),
  repeat: fc.integer({ min: 1, max: 4 }),
  asynchronous: fc.boolean(),
  throwsAtEnd: fc.integer({ min: 0, max: 4 }).map((one) => one === 0),
});

const fault = fc.constantFrom<FaultRule>(
  { kind: 'reset', accept: true, probability: 0.15 },
  { kind: 'reset', probability: 0.15 },
  { kind: 'error', code: 'InternalError', accept: true, probability: 0.15 },
  { kind: 'error', code: 'FailToConnect', probability: 0.3 },
  {
    kind: 'error',
    code: 'InvalidParameter.UserCountOverLimit',
    probability: 1,
    match: ({ to }) => to.length > 20,
  },
  {
    kind: 'error',
    code: 'InvalidParameter.IllegalTo',
    probability: 1,
    match: ({ to }) => to.includes('user-13'),
  },
  { kind: 'error', code: 'AccessDenied', probability: 0.2 },
  { kind: 'html', probability: 0.1 },
  { kind: 'late', delayMs: 20, probability: 0.2 },
  { kind: 'close_after_answer', probability: 0.2 },
);

const options = fc.record({
  chunkSize: fc.integer({ min: 1, max: 80 }),
  concurrency: fc.integer({ min: 1, max: 8 }),
  dedupe: fc.constantFrom('chunk' as const, 'all' as const),
  onUnknown: fc.constantFrom('report' as const, 'resend' as const),
  abortAfter: fc.option(fc.integer({ min: 0, max: 30 }), { nil: undefined }),
});

describe('a fan-out over any source, options and faults', () => {
  let emulator: RtcEmulator;
  let module: TestingModule;
  let service: RoomUnicastService;
  let room = 0;
  const seen = new Set<FanOutReport['status'] | string>();
  beforeAll(async () => {
    emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
    ({ module, service } = await createService({
      ...emulator.moduleOptions(),
      quota: { requestsPerSecond: 1_000_000 },
      timeoutMs: 5_000,
    }));
  });
  afterAll(async () => {
    await module.close();
    await emulator.close();
  });

  function* read({ items, repeat, throwsAtEnd }: typeof source extends fc.Arbitrary<infer T> ? T : never) {
    for (let round = 0; round < repeat; round++) yield* items;
    if (throwsAtEnd) throw new Error('lost');
  }
  async function* readLater(from: Iterable<unknown>): AsyncGenerator<unknown> {
    yield* from;
  }

  it(`has counts that add up and are true, and sends to no one twice by itself (${RUNS} runs)`, async () => {
    await fc.assert(
      fc.asyncProperty(
        source,
        options,
        fc.array(fault, { maxLength: 3 }),
        async (from, { abortAfter, ...given }, faults) => {
          emulator.clear();
          emulator.faults.replace(faults.map((rule) => ({ ...rule, seed: room })));
          const roomId = `room-${room++}`;
          const controller = new AbortController();
          const settings: FanOutOptions = { ...given, signal: controller.signal, keepChunks: true };
          const timer =
            abortAfter === undefined ? undefined : setTimeout(() => controller.abort(), abortAfter);
          const items = from.asynchronous ? readLater(read(from)) : read(from);
          const report = await service.fanOut(
            { roomId, to: items as Iterable<string>, message: 'hello' },
            settings,
          );
          clearTimeout(timer);

          const { input, ...parts } = report.counts;
          expect(Object.values(parts).reduce((sum, count) => sum + count)).toBe(input);
          seen.add(report.status).add(report.stop?.reason ?? 'none');

          // How often each was accepted, by the emulator's record.
          const accepted = new Map<string, number>();
          for (const { outcome, body } of emulator.requests) {
            if (outcome !== 'accepted') continue;
            const { RoomId, To } = JSON.parse(body.toString()) as { RoomId: string; To: string[] };
            if (RoomId !== roomId) continue;
            for (const userId of To) accepted.set(userId, (accepted.get(userId) ?? 0) + 1);
          }
          const { rejected, unknown, notAttempted } = report.unaccepted!;
          const total = [...accepted.values()].reduce((sum, count) => sum + count, 0);
          expect(total).toBeGreaterThanOrEqual(report.counts.accepted);

          if (given.dedupe === 'all') {
            for (const userId of [...rejected, ...notAttempted]) expect(accepted.get(userId)).toBeUndefined();
            if (given.onUnknown === 'report') {
              expect(Math.max(0, ...accepted.values())).toBeLessThanOrEqual(1);
              const certain = new Set(accepted.keys());
              for (const userId of unknown) certain.delete(userId);
              expect(certain.size).toBe(report.counts.accepted);
            }
          }
          // Whatever may have been sent twice is marked.
          const marked = report.chunks.some(({ possibleDuplicate }) => possibleDuplicate);
          if (given.dedupe === 'all' && !marked)
            expect(Math.max(0, ...accepted.values())).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: RUNS, seed: Number(process.env['SEED'] ?? 20_261_123) },
    );
    // The runs were of all kinds.
    for (const kind of ['accepted', 'partial', 'aborted', 'none', 'source', 'refused'])
      expect(seen).toContain(kind);
  });
});
