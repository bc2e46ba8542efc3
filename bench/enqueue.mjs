// What enqueuing many recipients costs the producer and Redis, and what sending to them then costs Redis: memory,
// time, and the slowest commands. Fails when enqueuing is slower than it should be with Redis as far away, when a
// command takes more than 20 ms, or when the producer's memory grows. Its first argument is a JSON text: the options
// of `npm run bench:enqueue`, and how many milliseconds away Redis is.
import 'reflect-metadata';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Redis } from 'ioredis';
import { RtcMessagingModule } from 'nestjs-rtc-messaging';
import { FanOutQueueService, RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
import { startRedis } from '../scripts/redis/start-redis.mjs';
import { startEmulator } from './emulator.mjs';

/** Chunks of 600 a second, by how many milliseconds Redis is away. */
const MIN_RATES = { 1: 1_500, 10: 500 };
const CHUNK_SIZE = 600;
/** So many recipients are enqueued before anything is measured. */
const WARM_UP = 120_000;
const MAX_COMMAND_MS = 20;
/** Of the producer's memory, between the first and the last tenth. */
const MAX_GROWTH_MB = 20;

const { recipients, appendfsync, awayMs } = JSON.parse(process.argv[2]);
const persistence = appendfsync === 'no' ? [] : ['--appendonly', 'yes', '--appendfsync', appendfsync];

const number = (value, digits = 0) =>
  value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const mb = (bytes) => `${number(bytes / 1_048_576, 1)} MB`;

// What takes more than 1 ms is on the slow log.
const redis = await startRedis({
  own: true,
  args: ['--slowlog-log-slower-than', '1000', '--slowlog-max-len', '10000', ...persistence],
});
const client = new Redis(redis.url);
const emulator = await startEmulator({ requestsPerSecond: null, delayMs: 0 });
const distance = await goAway();
try {
  process.exitCode = (await measure(emulator.options)) ? 0 : 1;
} finally {
  distance.stop();
  await emulator.stop();
  client.disconnect();
  await redis.stop();
}

/** @returns where Redis is, as far away as it is to be */
async function goAway() {
  if (awayMs === 0) return { url: redis.url, stop: () => undefined };
  const settings = JSON.stringify({ port: redis.port, delayMs: awayMs });
  const child = fork(join(import.meta.dirname, 'distance-process.mjs'), [settings], { execArgv: [] });
  const [port] = await once(child, 'message');
  return { url: `redis://127.0.0.1:${port}`, stop: () => child.disconnect() };
}

async function measure(rtc) {
  // Every chunk is given its job at once, which is as much as there can be to do for it.
  const chunks = Math.ceil(recipients / CHUNK_SIZE);
  const producer = await start({ role: 'producer', lookAhead: 10_000, maxStoredChunks: 1_000_000 });
  // As in a process that has been serving for a while.
  await producer.get(FanOutQueueService).enqueue({ roomId: 'arena', message: 'warm', to: users(WARM_UP) });
  await client.flushdb();
  const before = await usedMemory();
  const heap = [];
  const roundTrip = await roundTripMs();
  const started = performance.now();
  let longest = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  const handle = await producer
    .get(FanOutQueueService)
    .enqueue(
      { roomId: 'arena', message: 'The auction begins.', to: users(recipients, heap) },
      { total: recipients, chunkSize: CHUNK_SIZE },
    );
  clearInterval(ticking);
  const measuring = heap.reduce((sum, { tookMs }) => sum + tookMs, 0);
  const seconds = (performance.now() - started - measuring) / 1_000;
  const rate = chunks / seconds;
  const stored = (await usedMemory()) - before;
  const growth = (heap.at(-1).bytes - heap[0].bytes) / 1_048_576;
  console.log(
    `\nRedis ${awayMs} ms away each way (a round trip took ${number(roundTrip, 1)} ms): ` +
      `enqueued ${number(recipients)} recipients in ${number(seconds, 2)} s`,
  );
  console.log(`  chunks a second         ${number(rate)}`);
  console.log(`  recipients a second     ${number(recipients / seconds)}`);
  console.log(
    `  producer's memory       ${mb(heap[0].bytes)} after a tenth, ${mb(heap.at(-1).bytes)} at the end`,
  );
  console.log(`  producer's event loop   at most ${number(longest)} ms late`);
  console.log(`  Redis's memory          ${mb(stored)}, ${number(stored / recipients, 1)} bytes a recipient`);
  console.log(`  jobs in the queue       ${await client.llen('{rtc}:rtc-fan-out:wait')}`);
  let slowest = await reportSlowLog('enqueuing');
  await producer.close();

  const worker = await start({ role: 'worker', concurrency: 32 }, rtc);
  const sendingStarted = performance.now();
  const found = await worker.get(FanOutQueueService).get(handle.id);
  const { status, counts } = await found.result();
  console.log(
    `Sent by one worker in ${number((performance.now() - sendingStarted) / 1_000, 2)} s, without a quota: ` +
      `${status}, ${number(counts.accepted)} accepted`,
  );
  console.log(`  Redis's memory after    ${mb((await usedMemory()) - before)}`);
  slowest = Math.max(slowest, await reportSlowLog('sending'));
  await worker.close();
  const minRate = MIN_RATES[awayMs] ?? 0;
  const missed = [
    rate < minRate && `${minRate} chunks a second`,
    slowest > MAX_COMMAND_MS && `at most ${MAX_COMMAND_MS} ms a command`,
    growth > MAX_GROWTH_MB && `at most ${MAX_GROWTH_MB} MB of growth`,
    counts.accepted !== recipients && 'everyone accepted',
  ].filter(Boolean);
  const wanted = minRate === 0 ? '' : `at least ${minRate} chunks a second, `;
  console.log(
    missed.length === 0
      ? `Good: ${wanted}no command over ${MAX_COMMAND_MS} ms, and a producer whose memory is level.`
      : `NOT good: ${missed.join(', and ')} were wanted.`,
  );
  return missed.length === 0;
}

async function roundTripMs() {
  const far = new Redis(distance.url);
  await far.ping();
  const started = performance.now();
  for (let ping = 0; ping < 20; ping++) await far.ping();
  far.disconnect();
  return (performance.now() - started) / 20;
}

async function start(queue, rtc) {
  class App {}
  Module({
    imports: [
      ...(rtc === undefined
        ? []
        : [RtcMessagingModule.forRoot({ ...rtc, quota: { requestsPerSecond: 1_000_000 } })]),
      RtcFanOutQueueModule.forRoot({ connection: distance.url, ...queue }),
    ],
  })(App);
  return NestFactory.createApplicationContext(App, { logger: ['error', 'warn'] });
}

/** @param heap where the process's memory is noted after each tenth, and how long that took */
async function* users(count, heap) {
  const tenth = Math.max(1, Math.floor(count / 10));
  for (let user = 1; user <= count; user++) {
    yield `user-${user}`;
    if (heap === undefined || user % tenth !== 0) continue;
    const started = performance.now();
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    heap.push({ bytes: heapUsed + external, tookMs: performance.now() - started });
  }
}

async function usedMemory() {
  return Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1]);
}

/** @returns the slowest command, in milliseconds */
async function reportSlowLog(during) {
  const entries = await client.slowlog('GET', 10_000);
  const times = entries.map(([, , microseconds, command]) => ({
    ms: microseconds / 1_000,
    command: command[0],
  }));
  times.sort((a, b) => b.ms - a.ms);
  const [slowest] = times;
  console.log(
    `  slow log                ${times.length} commands over 1 ms while ${during}` +
      (slowest === undefined ? '' : `, the slowest ${number(slowest.ms, 1)} ms (${slowest.command})`),
  );
  await client.slowlog('RESET');
  return slowest?.ms ?? 0;
}
