import { flag, oneOf, readOptions } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench -- [options]

Compares the library with the vendor's packages, Axios, undici and node:http. Fails if a target is missed.

  --quick           measures less
  --only <section>  signing, calls, fan-out or imports. Default: all
  --write           puts the tables of all sections into docs/benchmarks.md, and the CPU of a call into the READMEs
`;

const SECTIONS = ['signing', 'calls', 'fan-out', 'imports'];

await runBenchmark('benchmarks.mjs', readOptions(HELP, { quick: flag, only: oneOf(SECTIONS), write: flag }));
