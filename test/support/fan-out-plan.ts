import type { FanOutPlan } from '../../lib/bullmq/fan-out-ledger.js';

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
