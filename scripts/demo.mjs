import { ensureInstalled } from './ensure-installed.mjs';
import { flag, readOptions, wholeNumber } from './read-options.mjs';

const HELP = `Usage: npm run demo -- [options]

  --once                 ends by itself
  --recipients <number>  sends one message to so many users of an emulator, with a progress bar, in place of the rest
`;

const { once, recipients } = readOptions(HELP, {
  once: flag,
  recipients: wholeNumber({ min: 1, max: 99_999_999 }),
});
process.exitCode = (await demonstrate()) ? 0 : 1;

async function demonstrate() {
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
  return runDemo({ once });
}
