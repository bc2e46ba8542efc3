import { oneOf, readOptions, wholeNumber } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench:enqueue -- [options]

Measures what a durable fan-out costs its producer and Redis.

  --recipients <number>  default 1000000
  --appendfsync <how>    how Redis keeps its append-only file: no (none at all), everysec (default) or always
`;

const options = readOptions(HELP, {
  recipients: wholeNumber({ min: 1, default: 1_000_000 }),
  appendfsync: oneOf(['no', 'everysec', 'always'], 'everysec'),
});
await runBenchmark('enqueue.mjs', options);
