import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ChunkJobs } from '../../lib/bullmq/chunk-jobs.js';
import { sweepLedger } from '../../lib/bullmq/sweep-ledger.js';
import { ledgerOf } from '../support/ledger.js';
import { until } from '../support/until.js';

it('a sweeper that fails at a sweep notes it, and goes on', async () => {
  const client = new Redis({ lazyConnect: true });
  client.disconnect();
  const ledger = ledgerOf(client, '{rtc}');
  const noted: unknown[] = [];
  const stopping = new AbortController();
  const jobs = new ChunkJobs(undefined as never, ledger);
  const running = sweepLedger(ledger, jobs, 1, stopping.signal, (error) => void noted.push(error));
  await until(() => noted.length >= 3);
  stopping.abort();
  await running;
  expect(String(noted[0])).toBe('Error: Connection is closed.');
});
