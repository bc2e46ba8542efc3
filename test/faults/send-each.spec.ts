import { describe, expect, it } from '@jest/globals';
import { type SendRoomUnicastRequest } from 'nestjs-rtc-messaging';
import { type Fault, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { createService } from '../support/service.js';

// A hundred thousand, with their quota, memory and CPU, are the benchmark's (`npm run bench:send-each`).
const MESSAGES = Number(process.env['SENDS'] ?? 2_000);
const SEED = Number(process.env['SEED'] ?? 20_261_126);
const FAULTS: readonly Fault[] = [
  { kind: 'reset' },
  { kind: 'reset', accept: true },
  { kind: 'html', accept: true },
  { kind: 'truncated' },
  { kind: 'late', delayMs: 3_000, accept: true },
  { kind: 'close_after_answer' },
  { kind: 'error', code: 'InternalError', accept: true },
  { kind: 'error', code: 'FailToConnect' },
  { kind: 'error', code: 'InvalidParameter.IllegalRoomID' },
  { kind: 'error', code: 'InvalidParameter.IllegalTo' },
];

describe(`${MESSAGES} different messages over a mix of faults (seed ${SEED})`, () => {
  it(
    'have one outcome each, which is that of the service, and none is sent twice',
    async () => {
      const emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
      const { module, service } = await createService({
        ...emulator.moduleOptions(),
        timeoutMs: 2_000,
        quota: { requestsPerSecond: 1_000_000 },
      });
      for (const [index, fault] of FAULTS.entries()) {
        emulator.faults.add({ ...fault, probability: 0.01, seed: SEED + index });
      }
      function* source(): Generator<SendRoomUnicastRequest> {
        for (let index = 0; index < MESSAGES; index++) {
          // One in a hundred is none of the service's business.
          const to = index % 100 === 7 ? 'no user' : `user-${index}`;
          yield { roomId: `room-${index % 5}`, to, message: `message ${index}` };
        }
      }
      // Few at once: on a busy machine, the emulator in this process answers hundreds of new connections too late, and
      // each that is given up makes another.
      const { counts, positions, invalid, stop } = await service.sendEach(source(), { concurrency: 16 });
      await module.close();
      const { input, duplicates, invalid: invalidCount, accepted, rejected, unknown, notAttempted } = counts;
      expect(stop).toBeUndefined();
      expect(input).toBe(MESSAGES);
      expect(invalidCount + accepted + rejected + unknown + notAttempted).toBe(MESSAGES);
      expect([duplicates, notAttempted]).toEqual([0, 0]);
      expect(invalidCount).toBe(Math.floor((MESSAGES - 8) / 100) + 1);
      expect(invalid.every(({ position }) => position % 100 === 7)).toBe(true);
      expect([rejected > 0, unknown > 0]).toEqual([true, true]);

      // By the emulator's account: what was accepted, and how often.
      const times = new Map<number, number>();
      for (const { outcome, body } of emulator.requests) {
        if (outcome !== 'accepted') continue;
        const position = Number(/message (\d+)/.exec(body.toString())?.[1]);
        times.set(position, (times.get(position) ?? 0) + 1);
      }
      expect([...times.values()].every((count) => count === 1)).toBe(true);
      const unproved = new Set(positions!.unknown);
      const refused = new Set(positions!.rejected);
      expect([unproved.size, refused.size]).toEqual([unknown, rejected]);
      for (let position = 0; position < MESSAGES; position++) {
        if (unproved.has(position) || position % 100 === 7) continue;
        expect([position, times.has(position)]).toEqual([position, !refused.has(position)]);
      }
      await emulator.close();
    },
    120_000 + MESSAGES * 30,
  );
});
