// How near four processes come together to the quota that they share through one Redis, and whether they keep it.
// The emulator, in a process of its own, refuses strictly above 500 requests in any second. Its first argument is a
// JSON text: the options of `npm run bench:shared-quota`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startRedis } from '../scripts/redis/start-redis.mjs';
import { startEmulator } from './emulator.mjs';
import { exactlyOnce, percent, printVerdicts } from './verdicts.mjs';

const QUOTA = 500;
const PROCESSES = 4;
/** Requests' worth of recipients that are handed out at once. */
const PAGE = 5;
const OUTAGE_MS = 10_000;
const PROGRAM = fileURLToPath(new URL('shared-quota-process.mjs', import.meta.url));

const { recipients, outage, only } = JSON.parse(process.argv[2]);

/** Runs `work` with an emulator, a Redis and the processes, and ends them all. */
async function withProcesses(redis, work) {
  const emulator = await startEmulator({ requestsPerSecond: QUOTA, delayMs: 0 });
  const children = [];
  try {
    const settings = { options: emulator.options, redisUrl: redis.url, fallbackShare: 1 / PROCESSES };
    for (let index = 0; index < PROCESSES; index++) children.push(fork(PROGRAM, [JSON.stringify(settings)]));
    const changes = [];
    await Promise.all(
      children.map(
        (child, index) =>
          new Promise((resolve) => {
            child.on('message', ({ kind, status, failure }) => {
              if (kind === 'ready') resolve();
              if (kind === 'quota') changes.push({ process: index, status, failure, at: performance.now() });
            });
          }),
      ),
    );
    const { account, forget } = emulator;
    return await work({ children, account, forget, changes });
  } finally {
    const ends = children.filter((child) => child.connected).map((child) => once(child, 'exit'));
    for (const child of children) if (child.connected) child.send({ end: true });
    await Promise.race([Promise.all(ends), sleep(15_000)]);
    for (const child of children) child.kill('SIGKILL');
    await emulator.stop();
  }
}

/** Hands out the recipients to whoever asks, so that each process has as much of the work as it gets done. */
async function fanOut(children, roomId, total, chunkSize = 600) {
  let next = 0;
  const taken = children.map(() => 0);
  return {
    taken,
    reports: await Promise.all(
      children.map(
        (child, index) =>
          new Promise((resolve, reject) => {
            const onExit = () => reject(new Error(`process ${index} ended early`));
            const onMessage = (message) => {
              if (message.kind === 'page') {
                const count = Math.min(PAGE * chunkSize, total - next);
                child.send({ first: next, count });
                next += count;
                taken[index] += count;
              } else if (message.kind === 'report') {
                child.off('message', onMessage);
                child.off('exit', onExit);
                resolve(message);
              }
            };
            child.on('message', onMessage);
            child.on('exit', onExit);
            child.send({ roomId, chunkSize });
          }),
      ),
    ),
  };
}

/**
 * Servers that have been up for a while: their code is compiled, their connections are open, and the last 500 round
 * trips that each looks at are of that state. Few users a request: the emulator stands still for a second or two
 * whenever it has two million of them to count.
 */
async function warmUp(children, forget) {
  await fanOut(children, 'room-0', 100 * 1_500 * PROCESSES, 100);
  await forget();
  await sleep(1_500);
}

async function shareQuota(redis) {
  const total = recipients;
  await withProcesses(redis, async ({ children, account, forget }) => {
    await warmUp(children, forget);
    const commandsBefore = await commands(redis);
    const started = performance.now();
    const { taken, reports } = await fanOut(children, 'room-1', total);
    const seconds = (performance.now() - started) / 1_000;
    const commandsAfter = await commands(redis);
    const after = await account();
    const { refused, requests } = after;
    const accepted = sum(reports.map(({ counts }) => counts.accepted));
    const share = (requests - refused) / seconds / QUOTA;
    const least = Math.min(...taken) / total;
    const perRequest = (commandsAfter - commandsBefore) / requests;
    print(`${PROCESSES} processes, one Redis: ${total.toLocaleString('en')} recipients`, {
      'of the quota': [percent(share), 'at least 94 %', share >= 0.94],
      refused: [`${refused} of ${requests}`, 'at most 0.05 %', refused <= 0.0005 * requests],
      'least work of a process': [percent(least), 'at least 15 %', least >= 0.15],
      'Redis commands a request': [perRequest.toFixed(3), 'at most 0.2', perRequest <= 0.2],
      'accepted exactly once': exactlyOnce(after, total, accepted === total),
      'most in any second': [`${after.mostInAnySecond}`],
      'work of each process': [taken.map((count) => percent(count / total)).join(', ')],
      time: [`${seconds.toFixed(2)} s`],
    });
  });
}

async function loseRedis() {
  const total = outage;
  const redis = await startRedis({ own: true });
  try {
    await withProcesses(redis, async ({ children, account, forget, changes }) => {
      await warmUp(children, forget);
      changes.length = 0;
      const running = fanOut(children, 'room-1', total, 150);
      await sleep(4_000);
      await redis.kill();
      const goneAt = Date.now();
      await sleep(OUTAGE_MS);
      await redis.restart();
      const backAt = Date.now();
      // What is sent meanwhile is looked at in parts: the outage, the way back, and what comes after it.
      await sleep(3_000);
      const sharedAt = Date.now();
      await sleep(5_000);
      const lastAt = Date.now();
      const { reports } = await running;
      const after = await account([goneAt + 1_000, backAt, sharedAt, lastAt]);
      const { refused } = after;
      const [outage, , shared] = after.parts.map(
        ({ from, to, accepted }) => accepted / ((to - from) / 1_000) / QUOTA,
      );
      const accepted = sum(reports.map(({ counts }) => counts.accepted));
      const told = (status) =>
        new Set(changes.filter((change) => change.status === status).map((c) => c.process)).size;
      const late = changes.filter(({ status }) => status === 'shared').map(({ at }) => at);
      print(`Redis stopped for ${OUTAGE_MS / 1_000} s: ${total.toLocaleString('en')} recipients`, {
        refused: [
          refused === 0 ? '0' : `${refused}: ${when(after.refusedAt, goneAt, backAt)}`,
          '0',
          refused === 0,
        ],
        'accepted exactly once': exactlyOnce(after, total, accepted === total),
        'of the quota while it was away': [
          percent(outage),
          `at most ${PROCESSES} shares of ${1 / PROCESSES}`,
          outage <= 1,
        ],
        'of the quota from 3 s after it was back': [percent(shared), 'at least 94 %', shared >= 0.94],
        'told that it was away, and back': [
          `${told('fallback')} and ${told('shared')} processes, ${changes.length} events`,
          'each process once',
          told('fallback') === PROCESSES && told('shared') === PROCESSES && changes.length === 2 * PROCESSES,
        ],
        'all back within': [`${(Math.max(...late) - Math.min(...late)).toFixed(0)} ms of the first`],
        'most in any second': [`${after.mostInAnySecond}`],
      });
    });
  } finally {
    await redis.stop();
  }
}

/** All that Redis has done, in scripts too. */
async function commands({ url }) {
  const client = new Redis(url);
  try {
    const stats = await client.info('commandstats');
    return sum([...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, , calls]) => Number(calls)));
  } finally {
    client.disconnect();
  }
}

/** To tell a refusal of the way there or back from one that the machine's noise brought. */
function when(refusedAt, goneAt, backAt) {
  return refusedAt
    .map((at) =>
      at < backAt ? `${at - goneAt} ms after it was gone` : `${at - backAt} ms after it was back`,
    )
    .join(', ');
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function print(title, rows) {
  const load = loadavg()
    .map((average) => average.toFixed(1))
    .join(' ');
  printVerdicts(`${title} (load ${load})`, rows);
}

if (only !== 'outage') {
  const redis = await startRedis();
  try {
    await shareQuota(redis);
  } finally {
    await redis.stop();
  }
}
if (only !== 'share') await loseRedis();
