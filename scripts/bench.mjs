import { flag, readOptions } from './read-options.mjs';
import { runBenchmark } from './run-benchmark.mjs';

const HELP = `Usage: npm run bench -- [options]

Compares the library with the vendor's packages, Axios, undici and node:http. Fails if a target is missed.

  --quick  measures less
  --write  puts the tables into docs/benchmarks.md
`;

await runBenchmark('benchmarks.mjs', readOptions(HELP, { quick: flag, write: flag }));
