import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { ChunkJobs, type ChunkJobData } from '../../lib/bullmq/chunk-jobs.js';
import { Cancellation } from '../../lib/waiting/cancellation.js';
import { ledgerOf } from '../support/ledger.js';
import { rejectionOf } from '../support/rejection.js';
import { until } from '../support/until.js';

/** A queue and a ledger that answer when they are told to, in the order of asking. */
class Pending {
  readonly asked: string[] = [];
  readonly #answers: ((error?: Error) => void)[] = [];

  readonly jobs = new ChunkJobs(
    {
      addBulk: (jobs: readonly { readonly data: ChunkJobData }[]) =>
        this.#ask(`add ${jobs.map(({ data }) => data.index).join()}`),
    } as never,
    {
      enqueued: (_id: string, to: number) => this.#ask(`enqueued ${to}`),
      throughOutages: (work: () => Promise<void>) => work(),
    } as never,
  );

  #ask(what: string): Promise<void> {
    this.asked.push(what);
    return new Promise((resolve, reject) => {
      this.#answers.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  async answer(error?: Error): Promise<void> {
    this.#answers.shift()?.(error);
    await new Promise(setImmediate);
  }
}

describe('ChunkJobs', () => {
  it('gives each chunk one job, however many ask before Redis has the note', async () => {
    const pending = new Pending();
    const { jobs } = pending;
    const all = [
      jobs.addReady('f', { from: 0, to: 3 }),
      jobs.addReady('f', { from: 0, to: 5 }),
      jobs.addReady('f', { from: 0, to: 4 }),
      jobs.addReady('f', { from: 0, to: 0 }),
    ];
    expect(pending.asked).toEqual(['add 0,1,2', 'add 3,4']);
    const [other] = [jobs.addReady('g', { from: 0, to: 1 })];
    expect(pending.asked.splice(0)).toEqual(['add 0,1,2', 'add 3,4', 'add 0']);
    for (let answers = 0; answers < 6; answers++) await pending.answer();
    await Promise.all([...all, other]);
    expect(pending.asked.sort()).toEqual(['enqueued 1', 'enqueued 3', 'enqueued 5']);
  });

  it('notes no chunks while earlier ones have no jobs, and adds them when they are ready again', async () => {
    const pending = new Pending();
    const { jobs } = pending;
    const failed = [jobs.addReady('f', { from: 0, to: 2 }), jobs.addReady('f', { from: 0, to: 4 })].map(
      (feed) => rejectionOf(feed),
    );
    await pending.answer(new Error('OOM'));
    await pending.answer();
    expect((await Promise.all(failed)).map(({ message }) => message)).toEqual(['OOM', 'OOM']);
    expect(pending.asked.splice(0)).toEqual(['add 0,1', 'add 2,3']);
    const again = jobs.addReady('f', { from: 0, to: 4 });
    await pending.answer();
    await pending.answer();
    await again;
    expect(pending.asked).toEqual(['add 0,1,2,3', 'enqueued 4']);
  });

  it('notes a sweep that fails, and goes on', async () => {
    const client = new Redis({ lazyConnect: true });
    client.disconnect();
    const ledger = ledgerOf(client, '{rtc}');
    const noted: unknown[] = [];
    const stopping = new Cancellation();
    const jobs = new ChunkJobs(undefined as never, ledger);
    const running = jobs.sweep(1, stopping, (error) => void noted.push(error));
    await until(() => noted.length >= 3);
    stopping.cancel();
    await running;
    expect(String(noted[0])).toBe('Error: Connection is closed.');
  });
});
