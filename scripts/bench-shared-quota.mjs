import { oneOf, readOptions, wholeNumber } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench:shared-quota -- [options]

Measures how near several processes come together to the quota that they share, and whether they keep it.

  --recipients <number>  default 250000; of many two fifths, in as many requests
  --outage <number>      recipients of the fan-out during which Redis is stopped. Default: 1800000
  --only <scenario>      share, many, far, alone, singles or outage. Default: one after the other
`;

const options = readOptions(HELP, {
  recipients: wholeNumber({ min: 1, default: 250_000 }),
  outage: wholeNumber({ min: 1, default: 1_800_000 }),
  only: oneOf(['share', 'many', 'far', 'alone', 'singles', 'outage']),
});
await runBenchmark('shared-quota.mjs', options);
