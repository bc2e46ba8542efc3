// How near several processes come together to the quota that they share through one Redis, and whether they keep it.
// Measured are servers that have been up for a while: each has sent before. Requests have fewer recipients than they
// could, since all processes and the service run on one machine: it is the quota that is measured, not the processors.
// How busy those were is printed.
// The emulator, in a process of its own, refuses strictly above 500 requests in any second. Its first argument is a
// JSON text: the options of `npm run bench:shared-quota`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpus, loadavg } from 'node:os';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startRedis } from '../scripts/redis/start-redis.mjs';
import { startEmulator } from './emulator.mjs';
import { exactlyOnce, percent, printVerdicts } from './verdicts.mjs';

const QUOTA = 500;
/** Users of a request, where nothing else is said. */
const CHUNK_SIZE = 150;
/** Where nothing else is said. */
const PROCESSES = 4;
/** Requests' worth of recipients that are handed out at once. */
const PAGE = 5;
/**
 * How often the recipients that were asked for are sent to. Beginning together and ending together take 0.1 s, which is
 * three per cent of so many recipients, and not what holds a quota up that is spent for long.
 */
const TIMES = 4;
const FIRST_MS = 3_000;
/** Of each process, before anything is measured. */
const WARM_UP_REQUESTS = 1_500;
const OUTAGE_MS = 10_000;
const PROGRAM = fileURLToPath(new URL('shared-quota-process.mjs', import.meta.url));

const { recipients, outage, only } = JSON.parse(process.argv[2]);

/** Runs `work` with an emulator, a Redis and the processes, and ends them all. */
async function withProcesses(redis, work, { processes = PROCESSES, redisDelayMs = 0 } = {}) {
  const emulator = await startEmulator({ requestsPerSecond: QUOTA, delayMs: 0 });
  const line = redisDelayMs === 0 ? undefined : await startLine(redis.url, redisDelayMs);
  const children = [];
  try {
    const settings = {
      options: emulator.options,
      redisUrl: line?.url ?? redis.url,
      fallbackShare: 1 / processes,
    };
    for (let index = 0; index < processes; index++) children.push(fork(PROGRAM, [JSON.stringify(settings)]));
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
    line?.close();
    await emulator.stop();
  }
}

/** Hands out the recipients to whoever asks, so that each process has as much of the work as it gets done. */
async function fanOut(children, roomId, total, chunkSize) {
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
 * Does what is measured, as often as it takes. Processes that have sent other requests, of fewer users, need up to
 * 0.2 s of their first second for those of the measured kind.
 */
async function warmUp(children, forget, total, chunkSize) {
  for (let left = WARM_UP_REQUESTS * children.length * chunkSize; left > 0; left -= total) {
    await fanOut(children, 'room-0', total, chunkSize);
    await forget();
    await sleep(1_500);
  }
}

/**
 * @param singles whether one more process makes single sends meanwhile
 * @param redisDelayMs how much longer Redis takes to answer
 */
async function shareQuota(
  redis,
  { processes = PROCESSES, redisDelayMs = 0, singles = false, target = 0.97, chunkSize = CHUNK_SIZE },
) {
  const once = Math.ceil((recipients / CHUNK_SIZE) * chunkSize);
  const total = TIMES * once;
  const count = processes + (singles ? 1 : 0);
  const work = async ({ children: all, account, forget }) => {
    const children = all.slice(0, processes);
    await warmUp(all, forget, once, chunkSize);
    const commandsBefore = await commands(redis);
    const processorsBefore = processorTime();
    const started = performance.now();
    const startedAt = Date.now();
    const sending = fanOut(children, 'room-1', total, chunkSize);
    const waits = singles ? await sendSingles(all.at(-1)) : [];
    const { taken, reports } = await sending;
    const seconds = (performance.now() - started) / 1_000;
    const processorsAfter = processorTime();
    const commandsAfter = await commands(redis);
    const after = await account([startedAt, startedAt + FIRST_MS]);
    const { refused, requests } = after;
    const first = after.parts[0].accepted / (FIRST_MS / 1_000) / QUOTA;
    const accepted = sum(reports.map(({ counts }) => counts.accepted));
    const share = (requests - refused) / seconds / QUOTA;
    const least = Math.min(...taken) / total;
    const perRequest = (commandsAfter - commandsBefore) / requests;
    const far = redisDelayMs === 0 ? '' : `, ${redisDelayMs} ms away`;
    const leastShare = 0.6 / processes;
    const p95 = waits.toSorted((one, other) => one - other)[Math.ceil(waits.length * 0.95) - 1];
    const what = `${total.toLocaleString('en')} recipients, ${chunkSize} a request`;
    print(`${processes} processes, one Redis${far}: ${what}`, {
      'of the quota': [percent(share), `at least ${percent(target)}`, share >= target],
      'of the quota in the first 3 s': [percent(first)],
      refused: [`${refused} of ${requests}`, '0', refused === 0],
      'least work of a process': [percent(least), `at least ${percent(leastShare)}`, least >= leastShare],
      'Redis commands a request': [perRequest.toFixed(3), 'at most 0.15', perRequest <= 0.15],
      ...(singles && { 'single sends meanwhile, p95': [`${p95.toFixed(1)} ms`, 'under 50 ms', p95 < 50] }),
      'accepted exactly once': exactlyOnce(after, total + waits.length, accepted === total),
      'most in any second': [`${after.mostInAnySecond}`],
      'work of each process': [taken.map((count) => percent(count / total)).join(', ')],
      'processors busy': [percent(busyShare(processorsBefore, processorsAfter))],
      time: [`${seconds.toFixed(2)} s`],
    });
  };
  await withProcesses(redis, work, { processes: count, redisDelayMs });
}

/** For about as long as the fan-out takes: 3 s for each time. @returns how long each took, in milliseconds */
async function sendSingles(child) {
  child.send({ singles: 40 * TIMES, everyMs: 70 });
  const [{ waits }] = await once(child, 'message');
  return waits;
}

/** A line to Redis that takes half of the time each way. */
async function startLine(url, delayMs) {
  const { port, hostname } = new URL(url);
  const server = createServer({ noDelay: true }, (client) => {
    const redis = connect({ port: Number(port), host: hostname, noDelay: true });
    for (const [from, to] of [
      [client, redis],
      [redis, client],
    ]) {
      from.on('data', (data) => setTimeout(() => to.write(data), delayMs / 2));
      from.on('error', () => to.destroy());
      from.on('close', () => to.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `redis://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

async function loseRedis() {
  const total = outage;
  const redis = await startRedis({ own: true });
  try {
    await withProcesses(redis, async ({ children, account, forget, changes }) => {
      await warmUp(children, forget, recipients, CHUNK_SIZE);
      changes.length = 0;
      const running = fanOut(children, 'room-1', total, CHUNK_SIZE);
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
        'of the quota from 3 s after it was back': [percent(shared), 'at least 97 %', shared >= 0.97],
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

/** What processes have sent to it; what the script runs is no way to Redis. */
async function commands({ url }) {
  const client = new Redis(url);
  try {
    const stats = await client.info('commandstats');
    return sum([...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].map(([, calls]) => Number(calls)));
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

/** Of all processors of the machine, whoever uses them. */
function processorTime() {
  const times = cpus().map(({ times }) => times);
  return { idle: sum(times.map(({ idle }) => idle)), all: sum(times.flatMap((time) => Object.values(time))) };
}

function busyShare(before, after) {
  return 1 - (after.idle - before.idle) / (after.all - before.all);
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

const SHARES = {
  share: {},
  // What sixteen processes on few processors need for more would be measured instead.
  many: { processes: 16, chunkSize: 60 },
  far: { redisDelayMs: 10, target: 0.96 },
  alone: { processes: 1, redisDelayMs: 20, target: 0.95 },
  // The bulk may lose what is kept for the others.
  singles: { singles: true, target: 0.93 },
};
for (const [name, share] of Object.entries(SHARES)) {
  if (only !== undefined && only !== name) continue;
  const redis = await startRedis();
  try {
    await shareQuota(redis, share);
  } finally {
    await redis.stop();
  }
}
if (only === undefined || only === 'outage') await loseRedis();
