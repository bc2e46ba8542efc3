import { ensureInstalled } from './ensure-installed.mjs';
import { flag, readOptions, wholeNumber } from './read-options.mjs';

const HELP = `Usage: npm run demo:cluster -- [options]

A durable fan-out over four processes: a producer, and three workers of which one is killed half way. Redis is that
of REDIS_URL, else one that is started; an emulator stands in for the remote service.

  --once                 ends by itself, rather than serving Bull Board until Ctrl-C
  --recipients <number>  default 200000
`;

const options = readOptions(HELP, {
  once: flag,
  recipients: wholeNumber({ min: 1, max: 99_999_999, default: 200_000 }),
});
await ensureInstalled();
const { buildLibrary } = await import('./build-library.mjs');
await buildLibrary();
const { runClusterDemo } = await import('./demo/cluster-demo.mjs');
process.exitCode = (await runClusterDemo(options)) ? 0 : 1;
