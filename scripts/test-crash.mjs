import { parseArgs } from 'node:util';
import { ensureInstalled } from './ensure-installed.mjs';

const HELP = `Usage: npm run test:crash -- [options]

Kills workers and the producer of a durable fan-out at random moments, and holds its account against what the
emulator accepted. Redis is that of REDIS_URL, else one that is started.

  --kills <number>       default 50
  --recipients <number>  default 300000
  --seed <number>        of the moments; printed, so that a run can be repeated. Default: another each time
`;

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    recipients: { type: 'string', default: '300000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else await test();

async function test() {
  for (const [name, value] of Object.entries(values)) {
    if (name !== 'help' && !/^\d{1,9}$/.test(value)) throw new Error(`--${name} must be a whole number`);
  }
  await ensureInstalled();
  const { runTool } = await import('./run.mjs');
  const { buildLibrary } = await import('./build-library.mjs');
  await buildLibrary();
  await runTool('jest/bin/jest.js', ['test/durable/crash.spec.ts'], {
    env: {
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      KILLS: values.kills,
      RECIPIENTS: values.recipients,
      SEED: values.seed,
    },
  });
}
