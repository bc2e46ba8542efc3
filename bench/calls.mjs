// One call, as an app makes it: client CPU, throughput and latency of each subject, all interleaved.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { median, spread } from './statistics.mjs';
import { SUBJECTS } from './subjects/callers.mjs';

const credentials = { accessKeyId: 'bench-access-key', secretAccessKey: 'bench-secret-key' };
/** The slower ones call less often, so that a round takes all about the same time. */
const SLOW = new Set(['@volcengine/openapi']);

function start(file, argument) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  return fork(path, argument === undefined ? [] : [JSON.stringify(argument)], {
    execArgv: ['--expose-gc', '--no-warnings'],
  });
}

/**
 * @param bytes of a request's body
 * @param inFlight calls at once
 * @returns by subject: medians over the rounds, and how far those differ
 */
export async function measureCalls({ bytes, inFlight, calls, rounds }) {
  const server = start('server-process.mjs');
  const [{ endpoint }] = await once(server, 'message');
  const subjects = new Map();
  const results = new Map(Object.keys(SUBJECTS).map((name) => [name, []]));
  try {
    for (const name of Object.keys(SUBJECTS)) {
      const subject = start('subject-process.mjs', { name, endpoint, credentials, bytes });
      subjects.set(name, subject);
      await once(subject, 'message');
    }
    // The first round warms up, and is not counted.
    for (let round = 0; round <= rounds; round++) {
      for (const [name, subject] of subjects) {
        subject.send({ calls: SLOW.has(name) ? Math.ceil(calls / 5) : calls, inFlight });
        const [result] = await once(subject, 'message');
        if (round > 0) results.get(name).push(result);
      }
    }
  } finally {
    for (const subject of subjects.values()) subject.send('end');
    server.send('end');
  }
  return new Map(
    [...results].map(([name, measured]) => [
      name,
      {
        ...Object.fromEntries(
          ['cpuUs', 'perSecond', 'p50', 'p99'].map((key) => [key, median(measured.map((one) => one[key]))]),
        ),
        spread: spread(measured.map(({ cpuUs }) => cpuUs)),
      },
    ]),
  );
}
