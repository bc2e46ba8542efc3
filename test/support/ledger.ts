import type { Redis } from 'ioredis';
import { FanOutLedger, type FanOutPlan } from '../../lib/bullmq/fan-out-ledger.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';

/** A ledger over a client, of a queue of that prefix. */
export function ledgerOf(client: Redis, prefix: string, closing = new Cancellation()): FanOutLedger {
  return new FanOutLedger({ client: () => client, closing }, { prefix, queueName: 'queue' });
}

/** A fan-out as the ledger is handed it. */
export const FAN_OUT_PLAN: FanOutPlan = {
  roomId: 'room-1',
  from: undefined,
  wire: { Binary: false, Message: 'hello' },
  onUnknown: undefined,
  chunkSize: 3,
  dedupe: 'chunk',
  total: undefined,
  lookAhead: 2,
  producerLostAfterMs: 30_000,
  retentionMs: 60_000,
  maxIdleMs: 60_000,
};
