// How near a fan-out comes to the quota, and whether it keeps it. Each scenario runs in processes that have sent nothing
// before. What is left of two cores for a fresh process differs from one to the next, so the median of their shares
// counts; all else must hold in each. Its first argument is a JSON text: the options of `npm run bench:fanout`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median } from './statistics.mjs';
import { percent, printVerdicts } from './verdicts.mjs';

const PROGRAM = fileURLToPath(new URL('fan-out-process.mjs', import.meta.url));
/** A minute, and what is no share, are measured once. */
const ONCE = new Set(['far', 'memory']);

const { recipients, only } = JSON.parse(process.argv[2]);
const measured = [];
for (let round = 0; round < (ONCE.has(only) ? 1 : 3); round++) {
  const child = fork(PROGRAM, [JSON.stringify({ recipients, only })]);
  child.on('message', (one) => measured.push(one));
  const [code] = await once(child, 'exit');
  if (code !== 0) process.exitCode = 1;
}
if (measured.length > 0) {
  const [{ name, target }] = measured;
  const share = median(measured.map((one) => one.share));
  printVerdicts(`${name}: the median of ${measured.length}`, {
    'of the quota': [percent(share), `at least ${percent(target)}`, share >= target],
  });
}
