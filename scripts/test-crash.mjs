import { ensureInstalled } from './ensure-installed.mjs';
import { readOptions, wholeNumber } from './read-options.mjs';

const HELP = `Usage: npm run test:crash -- [options]

Kills workers and the producer of a durable fan-out at random moments, and holds its account against what the
emulator accepted. Redis is that of REDIS_URL, else one that is started. Then has Redis fail over in the midst of
one, by three Sentinels and in a Cluster, which are started: that takes several minutes more, whatever the options.
So do processes that share a quota and are killed, and the memory that many callbacks take.

  --kills <number>       2 or more: the first is of the producer, the second of a worker. Default 50
  --recipients <number>  10000 or more, so that they are not all enqueued at once. Default 300000
  --seed <number>        of the moments; printed, so that a run can be repeated. Default: another each time
`;

const { kills, recipients, seed } = readOptions(HELP, {
  kills: wholeNumber({ min: 2, default: 50 }),
  recipients: wholeNumber({ min: 10_000, default: 300_000 }),
  seed: wholeNumber({ default: Math.floor(Math.random() * 1e9) }),
});
await ensureInstalled();
const { runJest } = await import('./run.mjs');
const { buildLibrary } = await import('./build-library.mjs');
await buildLibrary();
// One after another: failovers are timed.
const long = ['test/failover', 'test/redis/processes.spec.ts', 'test/package/callbacks-memory.spec.ts'];
await runJest(['test/durable/crash.spec.ts', ...long, '--runInBand'], {
  KILLS: kills,
  RECIPIENTS: recipients,
  SEED: seed,
  FAILOVERS: 1,
});
