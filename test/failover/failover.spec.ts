import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { type FailoverSite, startClusterSite, startSentinelSite } from '../support/failover-sites.js';
import { ownPrefix } from '../support/fan-out-queue.js';
import { firstMessage, forkProgram } from '../support/processes.js';
import type { StartedRedis } from '../support/redis.js';
import { type FailoverReport, runFailover } from './failover-run.js';

const RECIPIENTS = 12_000;
const CHUNKS_PER_SECOND = 50;
const CHUNK_SIZE = 10;
/** Of all workers at once. */
const IN_FLIGHT = 2 * 8 * CHUNK_SIZE;
/** Nothing may be accepted for so long once another primary is promoted. When that is, Sentinel and the Cluster decide. */
const PAUSE_MS = 4_000;

const SITES = [
  ['Sentinel', startSentinelSite],
  ['a Cluster', startClusterSite],
] as const;
const SETTINGS = [
  ['without min-replicas-to-write', []],
  ['with min-replicas-to-write', ['--min-replicas-to-write', '1', '--min-replicas-max-lag', '1']],
] as const;
const CASES = SITES.flatMap(([name, startSite]) =>
  SETTINGS.map(([setting, args]) => [name, setting, () => startSite(args)] as const),
);

let site: FailoverSite | undefined;
afterEach(async () => {
  await site?.stop();
  site = undefined;
});

/** It wakes up when another one has had its place for long. */
async function freeze(primary: StartedRedis): Promise<void> {
  await primary.kill('SIGSTOP');
  await sleep(20_000);
  await primary.kill('SIGCONT');
}

/** It is started again when another one has its place. */
async function crash(primary: StartedRedis): Promise<void> {
  await primary.kill();
  await sleep(8_000);
  await primary.restart();
}

async function partForAWhile(_primary: StartedRedis, { part, join: joinAgain }: FailoverSite): Promise<void> {
  part?.();
  await sleep(8_000);
  joinAgain?.();
}

const plan = { recipients: RECIPIENTS, requestsPerSecond: CHUNKS_PER_SECOND, chunkSize: CHUNK_SIZE };

function expectNoneLost({ report, unaccepted, emulator, ...pace }: FailoverReport): void {
  const { longestPauseMs, pauseAfterMs, rateAfter } = pace;
  process.stdout.write(
    `\n${expect.getState().currentTestName}:\n${JSON.stringify(report.counts)}, ${report.throttled} refusals; the ` +
      `emulator: ${emulator.accepted} accepted, ${emulator.doubled} twice, ${emulator.missing.length} were sent ` +
      `nothing; nothing was accepted for ${Math.round(longestPauseMs)} ms at most, of these ${Math.round(pauseAfterMs)} ms after ` +
      `the promotion, and ${Math.round(rateAfter)} recipients a second later\n`,
  );
  expect(emulator.missing.filter((userId) => unaccepted.get(userId) !== 'unknown')).toEqual([]);
  expect(report.counts).toMatchObject({ input: RECIPIENTS, rejected: 0, notAttempted: 0 });
  expect(report.counts.accepted + report.counts.unknown).toBe(RECIPIENTS);
  // The quota that the workers share is not exceeded either.
  expect(report.throttled).toBe(0);
  expect(pauseAfterMs).toBeLessThan(PAUSE_MS);
  expect(rateAfter).toBeGreaterThan(0.9 * CHUNKS_PER_SECOND * CHUNK_SIZE);
}

describe.each(CASES)('a durable fan-out and a shared quota by %s, %s', (_name, _setting, startSite) => {
  it('send nothing twice and lose nothing when the primary freezes, and wakes up later', async () => {
    site = await startSite();
    const run = await runFailover({ ...plan, site, outage: freeze });
    expectNoneLost(run);
    expect(run.emulator.doubled).toBe(0);
  }, 180_000);

  it('lose nothing when the primary is killed, and send no more twice than was in flight', async () => {
    site = await startSite();
    const run = await runFailover({ ...plan, site, outage: crash });
    expectNoneLost(run);
    expect(run.emulator.doubled).toBeLessThanOrEqual(IN_FLIGHT);
  }, 180_000);
});

describe.each(SETTINGS)('a durable fan-out by Sentinel, %s', (_setting, args) => {
  it('loses nothing when the primary is parted from all but its clients, and sends no more twice than it took', async () => {
    site = await startSentinelSite(args);
    const run = await runFailover({ ...plan, site, outage: partForAWhile });
    expectNoneLost(run);
    // Until another one was promoted, and that was told; or until the primary missed its replicas.
    const seconds = args.length > 0 ? 2 : 5;
    expect(run.emulator.doubled).toBeLessThanOrEqual(seconds * CHUNKS_PER_SECOND * CHUNK_SIZE + IN_FLIGHT);
  }, 180_000);
});

describe.each(SITES)('a process', (name, startSite) => {
  it(`ends within seconds of SIGTERM while all of ${name} stands still`, async () => {
    site = await startSite();
    const emulator = await RtcEmulator.start();
    const worker = forkProgram(join(import.meta.dirname, '../durable/processes/worker.mjs'), {
      connection: site.connection,
      queue: { prefix: ownPrefix() },
      rtc: emulator.moduleOptions(),
    });
    try {
      await firstMessage(worker);
      await sleep(1_000);
      await Promise.all(site.all.map((server) => server.kill('SIGSTOP')));
      await sleep(6_000);
      const ended = once(worker, 'exit');
      worker.kill('SIGTERM');
      expect(await Promise.race([ended, sleep(10_000, 'is still there', { ref: false })])).toEqual([
        null,
        'SIGTERM',
      ]);
    } finally {
      worker.kill('SIGKILL');
      await emulator.close();
    }
  }, 120_000);
});
