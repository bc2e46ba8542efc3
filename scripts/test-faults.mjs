import { ensureInstalled } from './ensure-installed.mjs';
import { readOptions, wholeNumber } from './read-options.mjs';

const HELP = `Usage: npm run test:faults -- [options]

Sends messages over a mix of everything that can go wrong, and holds what callers were told against what the
emulator accepted.

  --sends <number>  default 20000
  --seed <number>   of the mix; printed, so that a run can be repeated. Default: another each time
`;

const { sends, seed } = readOptions(HELP, {
  sends: wholeNumber({ min: 1, default: 20_000 }),
  seed: wholeNumber({ default: Math.floor(Math.random() * 1e9) }),
});
await ensureInstalled();
const { runJest } = await import('./run.mjs');
await runJest(['test/faults/faults.spec.ts'], { SENDS: sends, SEED: seed });
