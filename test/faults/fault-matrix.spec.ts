import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AttemptPhase, RtcMessagingError, type SendReceipt } from 'nestjs-rtc-messaging';
import { type Fault, RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { PUBLISHED_ERROR_CODES } from '../../lib/openapi/published-errors.js';
import { certificate } from '../support/certificate.js';
import { listenToEvents } from '../support/events.js';
import { LogLines } from '../support/log-lines.js';
import { CREDENTIALS, leaksIn, TEXT } from '../support/printed.js';
import { createService } from '../support/service.js';

/** What the caller must be told, after one attempt. */
interface Expected {
  readonly outcome: 'accepted' | 'rejected' | 'unknown' | 'not_attempted';
  readonly phase: AttemptPhase;
  readonly failure?: string;
}
type Row = readonly [what: string, fault: Fault, fresh: Expected, reused?: Expected];

const HOUR = 3_600_000;
const fine: Expected = { outcome: 'accepted', phase: 'done' };
const unreadable: Expected = { outcome: 'unknown', phase: 'done', failure: 'UnreadableResponse' };
const cut: Expected = { outcome: 'unknown', phase: 'sent', failure: 'ECONNRESET' };
const refused: Expected = { outcome: 'not_attempted', phase: 'connecting', failure: 'ECONNREFUSED' };
const rejected = (failure: string): Expected => ({ outcome: 'rejected', phase: 'done', failure });

/** As `design.md` has them, not as the library computes them. */
const UNDECIDED = new Set([
  'InternalError',
  'InternalServiceError',
  'InternalServiceTimeout',
  'ServiceUnavailableTemp',
]);
const ACCEPTED_BY_DEFAULT = new Set(['late', 'drip', 'truncated', 'oversized']);
const codes = (httpStatus?: number): Row[] =>
  PUBLISHED_ERROR_CODES.map((code): Row => {
    const outcome = UNDECIDED.has(code) ? 'unknown' : 'rejected';
    return [
      `${code} at ${httpStatus ?? 'its own status'}`,
      { kind: 'error', code, ...(httpStatus !== undefined && { httpStatus }) },
      { outcome, phase: 'done', failure: code },
    ];
  });

const ROWS: readonly Row[] = [
  ['connections refused', { kind: 'refuse', forMs: 60_000 }, refused, refused],
  ['a reset before accepting', { kind: 'reset' }, cut],
  ['a reset after accepting', { kind: 'reset', accept: true }, cut],
  [
    'an answer that comes too late',
    { kind: 'late', delayMs: 60_000 },
    { outcome: 'unknown', phase: 'sent', failure: 'TIMEOUT' },
  ],
  [
    'an answer that drips',
    { kind: 'drip', intervalMs: 100 },
    { outcome: 'unknown', phase: 'headers', failure: 'TIMEOUT' },
  ],
  ['JSON cut short, accepted', { kind: 'truncated' }, unreadable],
  ['JSON cut short, not accepted', { kind: 'truncated', accept: false }, unreadable],
  ['200 with HTML', { kind: 'html' }, unreadable],
  ['200 with HTML, accepted', { kind: 'html', accept: true }, unreadable],
  ['502 with HTML', { kind: 'html', httpStatus: 502 }, unreadable],
  ['429 with HTML', { kind: 'html', httpStatus: 429 }, rejected('UnreadableResponse')],
  ['200, empty', { kind: 'empty' }, unreadable],
  ['200, empty, accepted', { kind: 'empty', accept: true }, unreadable],
  [
    'an internal error after accepting',
    { kind: 'error', code: 'InternalError', accept: true },
    {
      outcome: 'unknown',
      phase: 'done',
      failure: 'InternalError',
    },
  ],
  ...codes(),
  ...codes(200),
  [
    '429 with Retry-After',
    { kind: 'error', code: 'FlowLimitExceeded', retryAfter: 2 },
    rejected('FlowLimitExceeded'),
  ],
  ['a redirect elsewhere', { kind: 'redirect', location: 'http://127.0.0.1:1/' }, unreadable],
  [
    'an oversized answer',
    { kind: 'oversized', bytes: 100_000 },
    { outcome: 'unknown', phase: 'headers', failure: 'RESPONSE_TOO_LARGE' },
  ],
  ['a connection closed after the answer', { kind: 'close_after_answer' }, fine],
  ['a clock ahead', { kind: 'clock', offsetMs: HOUR }, rejected('InvalidTimestamp')],
  ['a clock behind', { kind: 'clock', offsetMs: -HOUR }, rejected('InvalidTimestamp')],
];

describe.each(['HTTP', 'TLS'] as const)('the outcome over %s', (transport) => {
  let emulator: RtcEmulator;
  let untrusted: { key: string; cert: string };
  let agent: HttpAgent;
  let leaks: string[] = [];
  let errors = 0;
  let connections = 0;

  beforeAll(async () => {
    untrusted = await certificate();
    const tls = await certificate();
    emulator = await RtcEmulator.start({
      credentials: CREDENTIALS,
      quota: { requestsPerSecond: Number.POSITIVE_INFINITY },
      ...(transport === 'TLS' && { tls }),
    });
    const options = { keepAlive: true, ca: tls.cert };
    agent = transport === 'TLS' ? new HttpsAgent(options) : new HttpAgent(options);
    const createConnection = agent.createConnection.bind(agent);
    agent.createConnection = (...parameters) => {
      connections += 1;
      return createConnection(...parameters);
    };
  });
  afterEach(() => {
    emulator.faults.clear();
    emulator.clear();
    agent.destroy();
  });
  afterAll(async () => {
    await emulator.close();
    // Every error, event and line of this suite has been looked through.
    expect(errors).toBeGreaterThan(150);
    expect(leaks).toEqual([]);
  });

  /** Sends once under a fault, and gathers whatever could be printed of it. */
  async function sendUnder(fault: Fault, reused: boolean): Promise<SendReceipt | RtcMessagingError> {
    const { events, stop } = listenToEvents();
    const logger = new LogLines();
    const { module, service } = await createService({
      ...emulator.moduleOptions(),
      retry: { maxAttempts: 1 },
      timeoutMs: 600,
      http: { httpAgent: agent, httpsAgent: agent as HttpsAgent, maxContentLength: 50_000 },
    });
    module.useLogger(logger);
    const message = { roomId: 'room-1', to: ['alice'], message: TEXT };
    if (reused) {
      await service.batchSend({ ...message, to: ['warm-up'] });
      while (Object.keys(agent.freeSockets).length === 0) await sleep(1);
    }
    connections = 0;
    emulator.faults.add(fault);
    // A connection that has been closed is noticed once its end has arrived.
    if (fault.kind === 'refuse') await sleep(30);
    const result = await service.batchSend(message).catch((error: unknown) => error);
    await module.close();
    stop();
    if (result instanceof Error) errors += 1;
    const found = await leaksIn([result, events, logger.lines]);
    leaks.push(...found.map((leak) => `${fault.kind}: ${leak}`));
    return result as SendReceipt | RtcMessagingError;
  }

  const rows: readonly Row[] =
    transport === 'HTTP'
      ? ROWS
      : [
          ...ROWS,
          [
            'a handshake that is reset',
            { kind: 'reset_connection' },
            { outcome: 'not_attempted', phase: 'connecting', failure: 'ECONNRESET' },
            fine,
          ],
          [
            'a certificate that is not trusted',
            { kind: 'untrusted_certificate', key: '', cert: '' },
            { outcome: 'not_attempted', phase: 'connecting', failure: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
            fine,
          ],
        ];

  describe.each([
    ['fresh', false],
    ['reused', true],
  ])('on a %s socket', (_kind, reused) => {
    it.each(rows)('is true after %s', async (...[, fault, onFresh, onReused = onFresh]) => {
      const expected = reused ? onReused : onFresh;
      const result = await sendUnder(
        fault.kind === 'untrusted_certificate' ? { ...fault, ...untrusted } : fault,
        reused,
      );
      if (expected.outcome !== 'accepted') expect(result).toBeInstanceOf(RtcMessagingError);
      expect(result.outcome).toBe(expected.outcome);
      const { phase, failure } = result.attempts[0]!;
      expect({ phase, failure }).toEqual({ phase: expected.phase, failure: expected.failure });

      // A connection that is refused is a new one; all others are what the row is about.
      expect(connections).toBe(reused && fault.kind !== 'refuse' ? 0 : 1);
      const delivered = emulator.accepted.count('alice', TEXT);
      if (expected.outcome === 'accepted') expect(delivered).toBe(1);
      else if (expected.outcome !== 'unknown') expect(delivered).toBe(0);
      else {
        const accepted = 'accept' in fault ? fault.accept : ACCEPTED_BY_DEFAULT.has(fault.kind);
        expect(delivered).toBe(Number(accepted));
      }
    });
  });

  if (transport === 'HTTP') {
    it('of a connection that is reset at once depends on the phase that it reached', async () => {
      const { attempts, outcome } = await sendUnder({ kind: 'reset_connection' }, false);
      // Whether the reset overtakes the connection's being ready is the network's to decide.
      expect([attempts[0]!.phase, outcome]).toEqual(
        attempts[0]!.phase === 'connecting' ? ['connecting', 'not_attempted'] : ['sent', 'unknown'],
      );
      expect(emulator.accepted.total).toBe(0);
    });
  }
});
