import { oneOf, readOptions, wholeNumber } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench:fanout -- [options]

Measures how near a fan-out comes to the quota, and whether it keeps it.

  --recipients <number>  default 1000000
  --only <scenario>      quiet, stall, delay30, delay100 or memory. Default: one after the other
`;

const options = readOptions(HELP, {
  recipients: wholeNumber({ min: 1, default: 1_000_000 }),
  only: oneOf(['quiet', 'stall', 'delay30', 'delay100', 'memory']),
});
await runBenchmark('fan-out.mjs', options);
