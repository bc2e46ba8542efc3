import { parseArgs } from 'node:util';
import { ensureInstalled } from './ensure-installed.mjs';

const HELP = `Usage: npm run demo:cluster -- [options]

A durable fan-out over four processes: a producer, and three workers of which one is killed half way. Redis is that
of REDIS_URL, else one that is started; an emulator stands in for the remote service.

  --once            ends by itself, rather than serving Bull Board until Ctrl-C
  --recipients <n>  default 200000
`;

const { values } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    recipients: { type: 'string', default: '200000' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else process.exitCode = (await demonstrate()) ? 0 : 1;

async function demonstrate() {
  if (!/^[1-9]\d{0,7}$/.test(values.recipients)) {
    throw new Error('--recipients must be a whole number from 1 to 99999999');
  }
  await ensureInstalled();
  const { buildLibrary } = await import('./build-library.mjs');
  await buildLibrary();
  const { runClusterDemo } = await import('./demo/cluster-demo.mjs');
  return runClusterDemo({ recipients: Number(values.recipients), once: values.once });
}
