// One call, and a fan-out, as an app makes them: client CPU, throughput and latency. Each subject is in a process of
// its own, and they take turns.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { interleave } from './interleave.mjs';
import { FAN_OUT_SUBJECTS, SUBJECTS } from './subjects/callers.mjs';

const credentials = { accessKeyId: 'bench-access-key', secretAccessKey: 'bench-secret-key' };
/** It takes so much longer for a large body that it calls less often. */
const SLOW = '@volcengine/openapi';
const SLOW_SHARE = 0.25;

/** Before that, most of the time would be the compiler's: what does more has more to compile. */
const WARM_UP = { type: 'calls', bytes: 5_000, inFlight: 16 };

/**
 * Starts the server and the subjects, has `work` measure them, and ends them.
 * @param warmUpCalls of each subject
 */
export async function withCallers(warmUpCalls, work) {
  const server = start('server-process.mjs');
  const [{ endpoint }] = await once(server, 'message');
  const subjects = new Map();
  try {
    for (const name of SUBJECTS) {
      const subject = start('subject-process.mjs', { name, endpoint, credentials });
      subjects.set(name, subject);
      await once(subject, 'message');
    }
    for (const [name, subject] of subjects) {
      await ask(subject, { ...WARM_UP, calls: warmUpCalls * (name === SLOW ? SLOW_SHARE : 1) });
    }
    return await work(subjects);
  } finally {
    for (const subject of subjects.values()) subject.send('end');
    server.send('end');
  }
}

function start(file, argument) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, argument === undefined ? [] : [JSON.stringify(argument)], {
    execArgv: ['--no-warnings'],
  });
  child.on('exit', (code) => {
    if (code !== 0) throw new Error(`${argument?.name ?? file} ended with exit code ${code}`);
  });
  return child;
}

async function ask(subject, order) {
  subject.send(order);
  const [result] = await once(subject, 'message');
  return result;
}

/**
 * @param bytes of a request's body
 * @param inFlight calls at once
 */
export function measureCalls(subjects, { bytes, inFlight, calls, rounds }) {
  return interleave([...subjects.keys()], rounds, (name) =>
    ask(subjects.get(name), {
      type: 'calls',
      bytes,
      inFlight,
      calls: Math.ceil(calls * (name === SLOW ? SLOW_SHARE : 1)),
    }),
  );
}

/** The first fan-out of a process, whose code was not compiled yet. */
const FIRST = 1_000_000;
/** After so many more, all code is compiled as well as it ever is. */
const FAN_OUT_WARM_UP = 2_000_000;

/**
 * One message to many users, 600 a request, with nothing to hold it up.
 * @returns `first` besides: the same of the first million recipients
 */
export async function measureFanOut(subjects, { recipients, inFlight, rounds }) {
  const send = (name, count) => ask(subjects.get(name), { type: 'fanOut', recipients: count, inFlight });
  const firsts = new Map();
  for (const name of FAN_OUT_SUBJECTS) firsts.set(name, await send(name, FIRST));
  for (const name of FAN_OUT_SUBJECTS) await send(name, FAN_OUT_WARM_UP);
  const measured = await interleave(FAN_OUT_SUBJECTS, rounds, (name) => send(name, recipients));
  return new Map([...measured].map(([name, result]) => [name, { ...result, first: firsts.get(name) }]));
}
