import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import type { FanOutLedger } from '../../lib/bullmq/fan-out-ledger.js';
import { FAN_OUT_PLAN, ledgerOf } from '../support/ledger.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';

const PLAN = { ...FAN_OUT_PLAN, producerLostAfterMs: 600 };

let redis: StartedRedis;
let client: Redis;
let ledger: FanOutLedger;
beforeAll(async () => {
  redis = await startRedis({ own: true });
  client = new Redis(redis.url);
  ledger = ledgerOf(client, '{full}');
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await refuseWith('maxmemory', '0');
  await refuseWith('min-replicas-to-write', '0');
  await client.flushall();
  await ledger.open('f', 'producer-1', PLAN);
});

/** Changes what the server refuses. */
const refuseWith = (setting: string, value: string): Promise<unknown> => client.config('SET', setting, value);
const silenceProducers = (): Promise<unknown> => client.zadd(ledger.key('f', 'producers'), 1, 'producer-1');

describe('the fan-out queue while Redis is full', () => {
  beforeEach(async () => {
    await silenceProducers();
    await refuseWith('maxmemory', '1');
    expect((await rejectionOf(client.set('any', 'x'))).message).toMatch(/^OOM/);
  });

  it('has producers that can renew their lease', async () => {
    await ledger.producer('f', 'producer-1', 'lives');
    expect(Number(await client.zscore(ledger.key('f', 'producers'), 'producer-1'))).toBeGreaterThan(1);
  });

  it('can cancel a fan-out', async () => {
    expect((await ledger.cancel('f'))?.result).toBe('stopped');
    expect(await ledger.look('f')).toMatchObject({ state: 'ended', stop: { reason: 'aborted' } });
  });

  it('shows a fan-out, which ends without a producer that stays lost', async () => {
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await refuseWith('maxmemory', '0');
    await client.hset(ledger.key('f', 'meta'), 'missedSince', 1);
    await refuseWith('maxmemory', '1');
    expect((await ledger.look('f'))?.state).toBe('ended');
  });
});

describe('the fan-out queue while Redis refuses all writing', () => {
  it('shows a fan-out, which does not end because its producer can not renew its lease', async () => {
    await silenceProducers();
    await refuseWith('min-replicas-to-write', '1');
    expect((await rejectionOf(client.set('any', 'x'))).message).toMatch(/^NOREPLICAS/);
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await refuseWith('min-replicas-to-write', '0');
    await client.hset(ledger.key('f', 'meta'), 'missedSince', 1);
    await refuseWith('min-replicas-to-write', '1');
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
  });
});
