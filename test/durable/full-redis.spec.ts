import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { FanOutLedger } from '../../lib/bullmq/fan-out-ledger.js';
import { LedgerKeys } from '../../lib/bullmq/ledger-keys.js';
import { FAN_OUT_PLAN } from '../support/fan-out-plan.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { rejectionOf } from '../support/rejection.js';

const PLAN = { ...FAN_OUT_PLAN, producerLostAfterMs: 600 };

let redis: StartedRedis;
let client: Redis;
let keys: LedgerKeys;
let ledger: FanOutLedger;
beforeAll(async () => {
  redis = await startRedis({ own: true });
  client = new Redis(redis.url);
  keys = new LedgerKeys('{full}', 'queue');
  ledger = new FanOutLedger(client, keys);
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
const silenceProducers = (): Promise<unknown> => client.zadd(keys.of('f', 'producers'), 1, 'producer-1');

describe('the fan-out queue while Redis is full', () => {
  beforeEach(async () => {
    await silenceProducers();
    await refuseWith('maxmemory', '1');
    expect((await rejectionOf(client.set('any', 'x'))).message).toMatch(/^OOM/);
  });

  it('has producers that can renew their lease', async () => {
    await ledger.heartbeat('f', 'producer-1');
    expect(Number(await client.zscore(keys.of('f', 'producers'), 'producer-1'))).toBeGreaterThan(1);
  });

  it('can cancel a fan-out', async () => {
    expect((await ledger.cancel('f')).result).toBe('stopped');
    expect(await ledger.look('f')).toMatchObject({ state: 'ended', stop: { reason: 'aborted' } });
  });

  it('shows a fan-out, which ends without a producer that stays lost', async () => {
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
    await refuseWith('maxmemory', '0');
    await client.hset(keys.of('f', 'meta'), 'missedSince', 1);
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
    await client.hset(keys.of('f', 'meta'), 'missedSince', 1);
    await refuseWith('min-replicas-to-write', '1');
    expect((await ledger.look('f'))?.state).toBe('enqueuing');
  });
});
