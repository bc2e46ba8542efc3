import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FailureOutcome, RtcMessagingError } from 'nestjs-rtc-messaging';
import { type Fault, type JoinOptions, type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { ReceiptApp } from '../support/receipts.js';

const MESSAGES = Number(process.env['SENDS'] ?? 10_000);
const SEED = Number(process.env['SEED'] ?? 20_261_126);
const IN_FLIGHT = 64;
const PREFIX_LENGTH = 40;

const SENDING: readonly Fault[] = [
  { kind: 'reset' },
  { kind: 'reset', accept: true },
  { kind: 'html', accept: true },
  { kind: 'html', httpStatus: 502 },
  { kind: 'empty', accept: true },
  { kind: 'truncated' },
  { kind: 'oversized', bytes: 100_000, accept: true },
  { kind: 'drip', intervalMs: 2 },
  { kind: 'late', delayMs: 4_000, accept: true },
  { kind: 'late', delayMs: 4_000, accept: false },
  { kind: 'close_after_answer' },
  { kind: 'reset_connection' },
  { kind: 'error', code: 'InternalError', accept: true },
  { kind: 'error', code: 'ServiceUnavailableTemp' },
  { kind: 'error', code: 'FailToConnect' },
  { kind: 'error', code: 'AccessDenied' },
];
const CONFIRMING: readonly Fault[] = [
  { kind: 'callback_lost' },
  { kind: 'callback_late', delayMs: 100 },
  { kind: 'callback_twice' },
  { kind: 'callback_answer_lost' },
  { kind: 'callback_wrong_signature' },
];

/** Of fifty participants: how many are of a kind, how they receive, and whether they confirm in the end. */
const KINDS: readonly (readonly [
  count: number,
  confirms: boolean,
  options: (seed: number) => JoinOptions,
])[] = [
  [25, true, () => ({ receiver: true })],
  [10, true, lossy],
  [5, true, () => ({ receiver: { confirmAfterMs: 300 } })],
  [5, false, () => ({ receiver: { confirmAfterMs: Infinity } })],
  [5, false, () => ({})],
];

function lossy(seed: number): JoinOptions {
  const random = seededRandom(seed);
  return { receiver: { loses: () => random() < 0.3 } };
}

interface Client {
  readonly participant: Participant;
  readonly confirms: boolean;
  readonly hasReceiver: boolean;
}

interface Sent {
  readonly to: readonly string[];
  readonly messageId: string;
  readonly outcome: 'accepted' | FailureOutcome;
}

/** What the emulator has delivered to a participant, and how often, by the text of the app. */
function deliveriesOf({ received }: Participant): Map<string, number> {
  const times = new Map<string, number>();
  for (const { message } of received) {
    const text = String(message).slice(PREFIX_LENGTH);
    times.set(text, (times.get(text) ?? 0) + 1);
  }
  return times;
}

describe(`${MESSAGES} messages with receipts to 50 participants over a mix of faults (seed ${SEED})`, () => {
  it(
    'are shown once where they were delivered, and it is known who has each',
    async () => {
      const emulator = await RtcEmulator.start({
        requestsPerSecond: Number.POSITIVE_INFINITY,
        keepBytes: 2 ** 31,
      });
      const server = await ReceiptApp.start(emulator, {
        timeoutMs: 2_000,
        deadlineMs: 8_000,
        quota: { requestsPerSecond: 1_000_000 },
        onUnknown: 'resend',
        receipts: { awaitMs: 3_600_000, maxAwaited: 1_000_000 },
      });
      for (const [index, fault] of SENDING.entries())
        emulator.faults.add({ ...fault, probability: 0.006, seed: SEED + index });
      for (const [index, fault] of CONFIRMING.entries())
        emulator.faults.add({ ...fault, probability: 0.02, seed: SEED + 100 + index });
      const clients = new Map<string, Client>();
      for (const [count, confirms, optionsOf] of KINDS) {
        for (let index = 0; index < count; index++) {
          const userId = `user-${clients.size}`;
          const options = optionsOf(SEED + clients.size);
          const participant = server.join(userId, options);
          clients.set(userId, { participant, confirms, hasReceiver: options.receiver !== undefined });
        }
      }

      const random = seededRandom(SEED);
      const users = [...clients.keys(), 'absent'];
      const sent: Sent[] = [];
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < MESSAGES) {
          const index = next++;
          const first = Math.floor(random() * users.length);
          const to = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, step) =>
            String(users[(first + step * 7) % users.length]),
          );
          const request = { roomId: 'room-1', to, message: `message ${index} 上课了` };
          sent[index] = await server.rooms.batchSend(request, { receipt: true }).then(
            ({ outcome, messageId = '' }) => ({ to, outcome, messageId }),
            (error: unknown) => {
              if (!(error instanceof RtcMessagingError) || error.messageId === undefined) throw error;
              return { to, outcome: error.outcome, messageId: error.messageId };
            },
          );
        }
      };
      await Promise.all(Array.from({ length: IN_FLIGHT }, work));
      // What is late to be accepted, or to be confirmed, is awaited: nothing else is.
      await sleep(5_000);
      const delivered = new Map(
        Array.from(clients, ([userId, { participant }]) => [userId, deliveriesOf(participant)]),
      );
      const expected = [...clients.values()]
        .filter(({ confirms }) => confirms)
        .reduce((sum, { participant }) => sum + participant.shown.length, 0);
      for (let tries = 0; server.receipts.counts.confirmed < expected && tries < 1_200; tries++)
        await sleep(50);

      let doubled = 0;
      for (const [userId, { participant, hasReceiver }] of clients) {
        const times = delivered.get(userId)!;
        for (const count of times.values()) doubled += count - 1;
        const shown = participant.shown.map(({ message }) => String(message));
        expect([userId, shown.length]).toEqual([userId, hasReceiver ? times.size : 0]);
        if (hasReceiver) expect(new Set(shown)).toEqual(new Set(times.keys()));
      }
      expect(doubled).toBeGreaterThan(MESSAGES / 500);

      const counts: Record<string, number> = { accepted: 0, rejected: 0, unknown: 0, not_attempted: 0 };
      const falsehoods: unknown[] = [];
      for (const [index, { to, messageId, outcome }] of sent.entries()) {
        counts[outcome] = (counts[outcome] ?? 0) + 1;
        const status = await server.receipts.status(messageId);
        const has = (userId: string): boolean =>
          delivered.get(userId)?.has(`message ${index} 上课了`) === true;
        const confirmed = to.filter((userId) => has(userId) && clients.get(userId)?.confirms);
        const isSent = outcome === 'accepted' || outcome === 'unknown';
        const awaited = isSent ? to.filter((userId) => !confirmed.includes(userId)) : [];
        // Of what never left, nothing is known.
        const { confirmed: haveIt = [], awaited: may = [] } = status ?? {};
        const said = { confirmed: haveIt.toSorted(), awaited: may.toSorted() };
        const isSo = { confirmed: confirmed.toSorted(), awaited: awaited.toSorted() };
        if (JSON.stringify(said) !== JSON.stringify(isSo)) falsehoods.push({ index, outcome, said, isSo });
      }
      process.stdout.write(
        `\n${JSON.stringify({ ...counts, doubled, expected, receipts: server.receipts.counts })}\n`,
      );
      expect(falsehoods.slice(0, 5)).toEqual([]);
      expect(counts['rejected']).toBeGreaterThan(0);
      expect(server.receipts.counts).toMatchObject({
        confirmed: expected,
        not_addressed: 0,
        unknown_message: 0,
      });
      // Some answers to receipts were lost, so that they were sent again.
      expect(server.receipts.counts.repeated).toBeGreaterThan(0);
      await server.close();
      await emulator.close();
    },
    120_000 + MESSAGES * 30,
  );
});
