import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'node:https';
import { RtcMessagingError, RtcNetworkError } from 'nestjs-rtc-messaging';
import { type Fault, type JoinOptions, type Participant, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import type { ReceiptStatus, RtcReceiptOptions } from 'nestjs-rtc-messaging/receipts';
import { seededRandom } from '../../lib/emulator/seeded-random.js';
import { certificate } from '../support/certificate.js';
import { ReceiptApp } from '../support/receipts.js';

const IN_FLIGHT = Number(process.env['IN_FLIGHT'] ?? 64);
const PREFIX_LENGTH = 40;
const TIMEOUT_MS = 2_000;

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
  { kind: 'redirect', location: 'http://127.0.0.1:1/', accept: true },
  { kind: 'redirect', location: 'http://127.0.0.1:1/', accept: false },
  { kind: 'clock', offsetMs: 3_600_000 },
  { kind: 'error', code: 'InternalError', accept: true },
  { kind: 'error', code: 'ServiceUnavailableTemp' },
  { kind: 'error', code: 'FailToConnect' },
  { kind: 'error', code: 'AccessDenied' },
  { kind: 'error', code: 'SignatureDoesNotMatch' },
  { kind: 'error', code: 'InvalidParameter.UserCountOverLimit' },
  { kind: 'error', code: 'InvalidParameter.IllegalTo' },
  { kind: 'error', code: 'InvalidParameter.IllegalTo' },
  { kind: 'error', code: 'InvalidParameter.IllegalTo' },
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
  readonly text: string;
  readonly to: ReadonlySet<string>;
  readonly messageId: string;
  readonly outcome: string;
  /** Whether some of its requests may have been accepted, as far as the caller was told. */
  readonly isUnknown: boolean;
}

/** How a run differs from others. */
export interface ReceiptRun {
  readonly messages: number;
  readonly seed: number;
  readonly receipts?: RtcReceiptOptions;
  /** How long the service asks to wait when its quota is used up, in seconds. */
  readonly retryAfter?: number;
}

/** What a run has seen. */
export interface ReceiptRunResult {
  /** Messages by how they were sent, and what became of them. */
  readonly outcomes: Record<string, number>;
  /** What `status` said that was not so, and what users were shown twice, or not at all. */
  readonly faults: readonly unknown[];
  /** Messages that reached a user more often than once. */
  readonly doubled: number;
  /** Receipts that there must be, if none is too late. */
  readonly expected: number;
  readonly counts: ReceiptApp['counts'];
}

/** Sends in every way over a mix of faults, and compares what is said of it with the emulator's record. */
export async function runReceipts({
  messages,
  seed,
  receipts,
  retryAfter = 0,
}: ReceiptRun): Promise<ReceiptRunResult> {
  const awaitMs = receipts?.awaitMs ?? 3_600_000;
  const [tls, stranger] = await Promise.all([certificate(), certificate()]);
  const emulator = await RtcEmulator.start({
    quota: { requestsPerSecond: Number.POSITIVE_INFINITY },
    keepBytes: 2 ** 31,
    tls,
  });
  const server = await ReceiptApp.start(emulator, {
    timeoutMs: TIMEOUT_MS,
    deadlineMs: 8_000,
    quota: { requestsPerSecond: 1_000_000 },
    onUnknown: 'resend',
    http: { httpsAgent: new Agent({ keepAlive: true, ca: tls.cert }), maxContentLength: 50_000 },
    receipts: { maxAwaited: 5_000_000, ...receipts, awaitMs },
  });
  for (const [index, fault] of SENDING.entries())
    emulator.faults.add({ ...fault, probability: 0.005, seed: seed + index });
  // Each slows down all that follows, so there are about as many in a long run.
  const throttled = { kind: 'error', code: 'FlowLimitExceeded' } as const;
  emulator.faults.add({ ...throttled, retryAfter, probability: 1.5 / messages, seed: seed + 50 });
  emulator.faults.add({ kind: 'untrusted_certificate', ...stranger, probability: 0.01, seed: seed + 51 });
  for (const [index, fault] of CONFIRMING.entries())
    emulator.faults.add({ ...fault, probability: 0.02, seed: seed + 100 + index });
  const refusing = setInterval(() => emulator.faults.add({ kind: 'refuse', forMs: 60 }), 5_000);

  const clients = new Map<string, Client>();
  for (const [count, confirms, optionsOf] of KINDS) {
    for (let index = 0; index < count; index++) {
      const userId = `user-${clients.size}`;
      const options = optionsOf(seed + clients.size);
      const participant = server.join(userId, options);
      clients.set(userId, { participant, confirms, hasReceiver: options.receiver !== undefined });
    }
  }

  const faults: unknown[] = [];
  /** By message, who is in a request of it that the emulator has accepted, and when it did so last. */
  const accepted = new Map<string, { readonly users: Set<string>; last: number }>();
  let read = 0;
  const acceptedOf = (text: string): { readonly users: ReadonlySet<string>; readonly last: number } => {
    for (; read < emulator.requests.length; read++) {
      const { outcome, body, at } = emulator.requests[read]!;
      // It may be accepted later.
      if (outcome !== 'accepted') continue;
      const { Message, To } = JSON.parse(body.toString()) as { Message: string; To: string | string[] };
      const { users = new Set<string>() } = accepted.get(Message.slice(PREFIX_LENGTH)) ?? {};
      for (const userId of [To].flat()) users.add(userId);
      accepted.set(Message.slice(PREFIX_LENGTH), { users, last: at.getTime() });
    }
    return accepted.get(text) ?? { users: new Set(), last: 0 };
  };
  const compare = ({ text, to, outcome, isUnknown }: Sent, status: ReceiptStatus | undefined): void => {
    const { users: were, last } = acceptedOf(text);
    // It is over, and that is said. A request arrives up to its time limit after it has left, or after it was given up.
    if (status === undefined && (isUnknown || Date.now() - last > awaitMs - TIMEOUT_MS - 200)) return;
    const note = (userId: string, is: string, said: string): void =>
      void faults.push({
        text,
        outcome,
        userId,
        is,
        said,
        isKnown: status !== undefined,
        ageMs: Date.now() - last,
      });
    const { confirmed = [], awaited = [] } = status ?? {};
    for (const userId of [...confirmed, ...awaited])
      if (!to.has(userId)) note(userId, 'not addressed', 'something');
    for (const userId of to) {
      const lists = { confirmed, awaited };
      const said = Object.entries(lists).flatMap(([name, list]) => (list.includes(userId) ? [name] : []));
      if (said.length > 1) note(userId, 'one', said.join());
      const [is] = said;
      // Where few are remembered, a user may be in neither list.
      const mayMiss = awaitMs < 60_000 && is === undefined;
      if (were.has(userId) && is !== 'confirmed' && is !== 'awaited' && !mayMiss)
        note(userId, 'sent', String(is));
      if (!were.has(userId) && is === 'confirmed') note(userId, 'not sent', is);
      if (!were.has(userId) && is === 'awaited' && !isUnknown) note(userId, 'not sent', is);
    }
  };

  const random = seededRandom(seed);
  const upTo = (count: number): number => 1 + Math.floor(random() * count);
  const users = [...clients.keys(), 'absent'];
  const someUsers = (count: number): string[] =>
    Array.from({ length: upTo(count) }, () => String(users[Math.floor(random() * users.length)]));
  const sent: Sent[] = [];
  const outcomes: Record<string, number> = {};
  /** A Redis on a busy machine may be asked for more than its second. */
  const statusOf = async (messageId: string): Promise<ReceiptStatus | undefined> => {
    for (let left = 20; ; left--) {
      try {
        return await server.receipts.status(messageId);
      } catch (error) {
        if (!(error instanceof RtcNetworkError) || left === 0) throw error;
      }
    }
  };
  const keep = async (way: string, one: Sent): Promise<void> => {
    outcomes[`${way} ${one.outcome}`] = (outcomes[`${way} ${one.outcome}`] ?? 0) + 1;
    sent.push(one);
    // Receipts end soon where few are awaited: what is said at once must be so as well.
    if (one.messageId !== '') compare(one, await statusOf(one.messageId));
  };
  const nameOf = (error: unknown): { outcome: string; messageId: string } => {
    if (!(error instanceof RtcMessagingError)) throw error;
    return { outcome: error.outcome, messageId: String(error.messageId) };
  };
  const options = { receipt: true } as const;
  let next = 0;
  const roomId = 'room-1';
  const batch = async (): Promise<void> => {
    const to = [...new Set(someUsers(50))];
    const text = `message ${next++} 上课了`;
    const { outcome, messageId = '' } = await server.rooms
      .batchSend({ roomId, to, message: text }, options)
      .catch(nameOf);
    await keep('batch', { text, to: new Set(to), messageId, outcome, isUnknown: outcome === 'unknown' });
  };
  const fanOut = async (): Promise<void> => {
    const to = someUsers(40);
    const text = `message ${next++} 上课了`;
    const dedupe = (['chunk', 'all', 'none'] as const)[Math.floor(random() * 3)];
    const source = random() < 0.5 ? to : to.values();
    const how = { ...options, chunkSize: upTo(20), dedupe, concurrency: 3, deadlineMs: 20_000 };
    const about = { text, to: new Set(to) };
    try {
      const report = await server.rooms.fanOut({ roomId, to: source, message: text }, how);
      const { status, counts, messageId = '' } = report;
      await keep('fan-out', { ...about, messageId, outcome: status, isUnknown: counts.unknown > 0 });
    } catch (error) {
      await keep('fan-out', { ...about, ...nameOf(error), isUnknown: false });
    }
  };
  const each = async (): Promise<void> => {
    const requests = someUsers(8).map((to) => ({ roomId, to, message: `message ${next++} 上课了` }));
    const ended = new Map<number, Omit<Sent, 'text' | 'to'>>();
    try {
      await server.rooms.sendEach(requests, {
        ...options,
        concurrency: 4,
        onChunk: ({ index, outcome, messageId = '' }) =>
          void ended.set(index, { outcome, messageId, isUnknown: outcome === 'unknown' }),
      });
    } catch (error) {
      nameOf(error);
    }
    const left = { outcome: 'not read', messageId: '', isUnknown: false };
    for (const [index, { to, message }] of requests.entries())
      await keep('each', { text: message, to: new Set([to]), ...(ended.get(index) ?? left) });
  };
  const isLeft = (): boolean => next < messages;
  const work = async (): Promise<void> => {
    while (isLeft()) {
      const way = random();
      await (way < 0.4 ? batch() : way < 0.75 ? fanOut() : each());
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, work));
  clearInterval(refusing);
  // What is late to be accepted, or to be confirmed, is awaited: nothing else is.
  await sleep(5_000);
  read = 0;

  let [doubled, expected] = [0, 0];
  for (const [userId, { participant, hasReceiver, confirms }] of clients) {
    const times = new Map<string, number>();
    for (const { message } of participant.received) {
      const text = String(message).slice(PREFIX_LENGTH);
      times.set(text, (times.get(text) ?? 0) + 1);
    }
    for (const count of times.values()) doubled += count - 1;
    if (confirms) expected += times.size;
    const shown = participant.shown.map(({ message }) => String(message)).toSorted();
    const isSo = hasReceiver ? [...times.keys()].toSorted() : [];
    if (JSON.stringify(shown) !== JSON.stringify(isSo))
      faults.push({ userId, shown: shown.length, isSo: isSo.length });
  }
  if (awaitMs > 60_000) {
    for (let tries = 0; server.counts.confirmed < expected && tries < 1_200; tries++) await sleep(50);
    for (const one of sent) {
      if (one.messageId === '') continue;
      const status = await statusOf(one.messageId);
      compare(one, status);
      const missing = status?.awaited.filter(
        (userId) => acceptedOf(one.text).users.has(userId) && wasShown(clients.get(userId), one.text),
      );
      if (missing?.length) faults.push({ text: one.text, confirmed: missing, said: 'awaited' });
    }
  }
  const { counts } = server;
  await server.close();
  await emulator.close();
  return { outcomes, faults, doubled, expected, counts };
}

/** Whether a client that confirms was shown a message. */
function wasShown(client: Client | undefined, text: string): boolean {
  return client?.confirms === true && client.participant.shown.some(({ message }) => message === text);
}
