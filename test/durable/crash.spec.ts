import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ownPrefix } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { type CrashReport, runCrashes } from './crash-run.js';

const KILLS = Number(process.env['KILLS'] ?? 8);
const RECIPIENTS = Number(process.env['RECIPIENTS'] ?? 20_000);
const SEED = Number(process.env['SEED'] ?? 20_261_124);
const CONCURRENCY = 4;
// Small, so that there are many moments at which something is in flight.
const CHUNK_SIZE = 50;

describe('workers that are killed while the account counts recipients', () => {
  it('leave no more unknown than the parts that were in flight', async () => {
    const redis = await startRedis();
    const users = 6_000;
    const concurrency = 2;
    const { report, killed, emulator, unaccepted } = await runCrashes({
      redisUrl: redis.url,
      prefix: ownPrefix(),
      recipients: users,
      kills: 3,
      seed: SEED,
      concurrency,
      chunkSize: 600,
      emulator: { quota: { requestsPerSecond: 500, costPer: 'recipient' } },
      quota: { requestsPerSecond: 500 },
    }).finally(() => redis.stop());
    const { input, ...outcomes } = report.counts;
    expect(Object.values(outcomes).reduce((sum, count) => sum + count)).toBe(input);
    expect(report.counts).toMatchObject({ input: users, rejected: 0, notAttempted: 0 });
    // Parts are of 300 at most, since none of 600 is accepted, and mostly of a few.
    expect(report.counts.unknown).toBeLessThanOrEqual(killed.workers * concurrency * 300);
    expect(emulator.doubled).toBe(0);
    expect(emulator.missing.filter((userId) => unaccepted.get(userId) !== 'unknown')).toEqual([]);
    process.stdout.write(
      `\n${killed.workers} killed, ${report.counts.unknown} unknown, ${report.throttled} refusals\n`,
    );
  });
});

describe(`${RECIPIENTS} recipients, and ${KILLS} kills of workers and of the producer (seed ${SEED})`, () => {
  let redis: StartedRedis;
  let run: CrashReport;
  beforeAll(async () => {
    redis = await startRedis();
    run = await runCrashes({
      redisUrl: redis.url,
      prefix: ownPrefix(),
      recipients: RECIPIENTS,
      kills: KILLS,
      seed: SEED,
      concurrency: CONCURRENCY,
      chunkSize: CHUNK_SIZE,
    });
    const { report, killed, emulator, inFlightAtKills, seconds } = run;
    process.stdout.write(
      `\n${report.status}: ${JSON.stringify(report.counts)}\n` +
        `killed: ${killed.workers} workers, ${killed.producers} producers; in flight at the kills: at most ` +
        `${inFlightAtKills * CHUNK_SIZE}\n` +
        `the emulator: ${emulator.accepted} accepted, ${emulator.doubled} of them twice, ` +
        `${emulator.missing.length} were sent nothing\nseed ${SEED}, ${seconds.toFixed(1)} s\n`,
    );
  }, 600_000);
  afterAll(() => redis.stop());

  it('end in exactly one outcome each', () => {
    const { input, ...outcomes } = run.report.counts;
    expect(input).toBe(RECIPIENTS);
    expect(Object.values(outcomes).reduce((sum, count) => sum + count)).toBe(RECIPIENTS);
    expect(run.streamed).toBe(run.report.counts.unknown);
    expect(run.unaccepted.size).toBe(run.streamed);
    expect(run.report.counts).toMatchObject({ rejected: 0, notAttempted: 0, duplicates: 0, invalid: 0 });
    expect(run.killed.workers + run.killed.producers).toBe(KILLS);
    expect(Math.min(run.killed.workers, run.killed.producers)).toBeGreaterThan(0);
  });

  it('are sent to at most once', () => {
    expect(run.emulator.doubled).toBe(0);
    expect(run.emulator.accepted).toBe(RECIPIENTS - run.emulator.missing.length);
  });

  it('were sent to if they are reported as accepted', () => {
    const unexplained = run.emulator.missing.filter((userId) => run.unaccepted.get(userId) !== 'unknown');
    expect(unexplained).toEqual([]);
  });

  it('are unknown only if they were in flight at a kill', () => {
    expect(run.report.counts.unknown).toBeLessThanOrEqual(run.killed.workers * CONCURRENCY * CHUNK_SIZE);
    // One worker or two may have been between two requests when they were killed.
    expect(run.report.counts.unknown).toBeGreaterThanOrEqual(run.killed.workers < 4 ? 0 : 1);
  });
});
