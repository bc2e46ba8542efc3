import { oneOf, readOptions, wholeNumber } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench:send-each -- [options]

Measures what a message of sendEach() costs against send(), and sends many over a mix of faults: whether the quota is
kept, the counts add up, and memory stays. Fails when a target is missed.

  --messages <number>  default 100000
  --only <scenario>    cpu or faults. Default: one after the other
`;

const SCENARIOS = ['cpu', 'faults'];

const { messages, only } = readOptions(HELP, {
  messages: wholeNumber({ min: 100, default: 100_000 }),
  only: oneOf(SCENARIOS),
});
const scenarios = only === undefined ? SCENARIOS : [only];
await runBenchmark('send-each.mjs', ...scenarios.map((scenario) => ({ messages, only: scenario })));
