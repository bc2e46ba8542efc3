import { oneOf, readOptions, wholeNumber } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench:enqueue -- [options]

Measures what a durable fan-out costs its producer and Redis, with Redis 0, 1 and 10 ms away. Fails when it enqueues
fewer chunks a second than it should.

  --recipients <number>  default 1000000
  --appendfsync <how>    how Redis keeps its append-only file: no (none at all), everysec (default) or always
  --away <milliseconds>  how far Redis is away, each way; default 0, 1 and 10, one after another
`;

const { away, ...options } = readOptions(HELP, {
  recipients: wholeNumber({ min: 1, default: 1_000_000 }),
  appendfsync: oneOf(['no', 'everysec', 'always'], 'everysec'),
  away: wholeNumber({ max: 1_000 }),
});
const distances = away === undefined ? [0, 1, 10] : [away];
await runBenchmark('enqueue.mjs', ...distances.map((awayMs) => ({ ...options, awayMs })));
