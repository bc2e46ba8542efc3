import { expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ChunkJobs } from '../../lib/bullmq/chunk-jobs.js';
import { FanOutLedger } from '../../lib/bullmq/fan-out-ledger.js';
import { LedgerKeys } from '../../lib/bullmq/ledger-keys.js';
import { LedgerSweeper } from '../../lib/bullmq/ledger-sweeper.js';
import { OutageLog } from '../../lib/bullmq/outage-log.js';
import { until } from '../support/until.js';

it('a sweeper that fails at every sweep logs it once', async () => {
  const client = new Redis({ lazyConnect: true });
  client.disconnect();
  const ledger = new FanOutLedger(client, new LedgerKeys('{rtc}', 'queue'));
  const lines: string[] = [];
  let noted = 0;
  const log = new OutageLog({ warn: (line: string) => void lines.push(line) });
  const outages = {
    note: (error: Error): void => {
      noted += 1;
      log.note(error);
    },
  };
  const sweeper = new LedgerSweeper(ledger, new ChunkJobs(undefined as never, ledger), outages);
  const stopping = new AbortController();
  const running = sweeper.run(1, stopping.signal);
  await until(() => noted >= 3);
  stopping.abort();
  await running;
  expect(lines).toEqual(['Redis: Connection is closed. Durable fan-outs wait until it is back.']);
});
