import { oneOf, readOptions, wholeNumber } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench:fanout -- [options]

Measures how near a fan-out comes to the quota, and whether it keeps it: each time in a process that has sent nothing
before. The scenarios of a million recipients run three times, and the median of their shares counts.

  --recipients <number>  default 1000000
  --only <scenario>      quiet, stall, delay30, delay100, cursor, far or memory. Default: one after the other
`;

const SCENARIOS = ['quiet', 'stall', 'delay30', 'delay100', 'cursor', 'far', 'memory'];

const { recipients, only } = readOptions(HELP, {
  recipients: wholeNumber({ min: 1, default: 1_000_000 }),
  only: oneOf(SCENARIOS),
});
const scenarios = only === undefined ? SCENARIOS : [only];
await runBenchmark('fan-out.mjs', ...scenarios.map((scenario) => ({ recipients, only: scenario })));
