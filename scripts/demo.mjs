import { parseArgs } from 'node:util';
import { ensureInstalled } from './ensure-installed.mjs';

const HELP = `Usage: npm run demo -- [options]

  --once            ends by itself
  --recipients <n>  sends one message to so many users of an emulator, with a progress bar, in place of the rest
`;

const { values } = parseArgs({
  options: {
    once: { type: 'boolean', default: false },
    recipients: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) console.log(HELP);
else process.exitCode = (await demonstrate()) ? 0 : 1;

async function demonstrate() {
  const recipients = readRecipients();
  await ensureInstalled();
  const { buildLibrary } = await import('./build-library.mjs');
  const { runTool } = await import('./run.mjs');
  await buildLibrary();
  if (recipients !== undefined) {
    const { runFanOutDemo } = await import('./demo/fan-out-demo.mjs');
    return runFanOutDemo(recipients);
  }
  await runTool('@nestjs/cli/bin/nest.js', ['build']);
  const { runDemo } = await import('./demo/run-demo.mjs');
  return runDemo({ once: values.once });
}

function readRecipients() {
  if (values.recipients === undefined) return undefined;
  if (/^[1-9]\d{0,7}$/.test(values.recipients)) return Number(values.recipients);
  throw new Error('--recipients must be a whole number from 1 to 99999999');
}
