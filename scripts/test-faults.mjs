import { parseArgs } from 'node:util';
import { ensureInstalled } from './ensure-installed.mjs';

const HELP = `Usage: npm run test:faults -- [options]

Sends messages over a mix of everything that can go wrong, and holds what callers were told against what the
emulator accepted.

  --sends <number>  default 20000
  --seed <number>   of the mix; printed, so that a run can be repeated. Default: another each time
`;

const { values } = parseArgs({
  options: {
    sends: { type: 'string', default: '20000' },
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
  await runTool('jest/bin/jest.js', ['test/faults/faults.spec.ts'], {
    env: {
      NODE_OPTIONS: '--experimental-vm-modules --disable-warning=ExperimentalWarning',
      SENDS: values.sends,
      SEED: values.seed,
    },
  });
}
