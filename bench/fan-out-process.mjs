// One scenario of `fan-out.mjs`, in a process that has sent nothing before. The emulator, in a process of its own, refuses
// strictly above 500 requests in any second. Its first argument is a JSON text: { recipients, only (the scenario) }.
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { startEmulator } from './emulator.mjs';
import { exactlyOnce, percent, printVerdicts } from './verdicts.mjs';

const QUOTA = 500;
const PER_REQUEST = 600;

const { recipients: RECIPIENTS, only } = JSON.parse(process.argv[2]);
Logger.overrideLogger(['error', 'warn']);

/** Runs `work` with a service that sends to an emulator of its own. */
async function withService({ requestsPerSecond, delayMs, constant }, work) {
  const emulator = await startEmulator({ requestsPerSecond, delayMs, constant });
  const app = await NestFactory.createApplicationContext(
    RtcMessagingModule.forRoot({
      ...emulator.options,
      quota: { requestsPerSecond: requestsPerSecond ?? 1_000_000 },
    }),
    { logger: ['error', 'warn'] },
  );
  try {
    return await work(app.get(RoomUnicastService), emulator.account);
  } finally {
    await app.close();
    await emulator.stop();
  }
}

/**
 * All IDs have more than ten characters: V8 looks up each shorter string of a JSON text in a table, which would make the
 * first requests dearer for the emulator than all after them.
 */
function* recipients(count, different = count) {
  for (let index = 0; index < count; index++) yield `user-${1_000_000 + (index % different)}`;
}

/** One after another, as from a database. */
async function* fetched(...args) {
  for (const id of recipients(...args)) yield id;
}

/** Keeps the event loop busy, now and then. */
function stallEvery(everyMs, forMs) {
  return setInterval(() => {
    const until = performance.now() + forMs;
    while (performance.now() < until);
  }, everyMs);
}

async function spendQuota({
  name,
  delayMs = 0,
  constant,
  stall,
  singles = 0,
  target,
  requests: count,
  chunkSize = PER_REQUEST,
  source = recipients,
}) {
  const total = count === undefined ? RECIPIENTS : count * chunkSize;
  await withService({ requestsPerSecond: QUOTA, delayMs, constant }, async (service, account) => {
    const before = await account();
    const stalls = stall ? stallEvery(250, 30) : undefined;
    let peakRss = 0;
    const watch = setInterval(() => (peakRss = Math.max(peakRss, process.memoryUsage.rss())), 50);
    const cpu = process.cpuUsage();
    const started = performance.now();
    const sending = service.fanOut(
      { roomId: 'room-1', to: source(total), message: 'The auction begins.' },
      { total, chunkSize },
    );
    const floorMs = (total / chunkSize / QUOTA) * 1_000;
    const waits = Array.from({ length: singles }, async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * floorMs));
      const asked = performance.now();
      await service.batchSend({ roomId: 'room-2', to: ['someone'], message: `${asked}` });
      return performance.now() - asked;
    });
    const report = await sending;
    const elapsedMs = performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    const waited = (await Promise.all(waits)).sort((a, b) => a - b);
    clearInterval(stalls);
    clearInterval(watch);
    const after = await account();
    const [refused, accepted, duplicates, requests] = ['refused', 'accepted', 'duplicates', 'requests'].map(
      (count) => after[count] - before[count],
    );

    const share = (requests - refused) / (elapsedMs / 1_000) / QUOTA;
    const isTold = report.counts.accepted === total;
    const rows = {
      'of the quota': [percent(share)],
      refused: [`${refused} of ${requests}`, '0', refused === 0],
      'most in any second': [`${after.mostInAnySecond}`],
      'accepted exactly once': exactlyOnce({ accepted, duplicates }, total + singles, isTold),
      'time against the floor': [
        `${(elapsedMs / floorMs).toFixed(3)} (${(elapsedMs / 1_000).toFixed(2)} s, floor ${(floorMs / 1_000).toFixed(2)} s)`,
      ],
      'CPU of one core': [percent((user + system) / 1_000 / elapsedMs)],
      'peak memory': [`${(peakRss / 1_048_576).toFixed(0)} MB`],
    };
    if (singles > 0) {
      const p95 = waited[Math.ceil(waited.length * 0.95) - 1];
      rows['single sends meanwhile, p95'] = [`${p95.toFixed(1)} ms`, 'under 50 ms', p95 < 50];
    }
    printVerdicts(`${name}: ${total.toLocaleString('en')} recipients`, rows);
    process.send({ name, share, target });
  });
}

async function holdMemory() {
  const count = RECIPIENTS * 5;
  await withService({ requestsPerSecond: null, delayMs: 0 }, async (service, account) => {
    const heap = [];
    const started = performance.now();
    let done = 0;
    const report = await service.fanOut(
      { roomId: 'room-1', to: fetched(count, 500_000), message: 'The auction begins.' },
      {
        onChunk: ({ recipients: sent }) => {
          const before = Math.floor((done / count) * 100);
          done += sent;
          const after = Math.floor((done / count) * 100);
          if (after === before || (after > 10 && after < 90)) return;
          globalThis.gc();
          heap.push({ first: after <= 10, bytes: process.memoryUsage().heapUsed });
        },
      },
    );
    const elapsedMs = performance.now() - started;
    const mean = (first) => {
      const samples = heap.filter((sample) => sample.first === first).map(({ bytes }) => bytes);
      return samples.reduce((sum, bytes) => sum + bytes, 0) / samples.length;
    };
    const grown = (mean(false) - mean(true)) / 1_048_576;
    const { accepted } = await account();
    printVerdicts(`no quota: ${count.toLocaleString('en')} recipients`, {
      'heap grown, first to last 10 %': [`${grown.toFixed(1)} MB`, 'under 32 MB', grown < 32],
      accepted: [
        `${report.counts.accepted}`,
        `${count}`,
        report.counts.accepted === count && accepted === count,
      ],
      'recipients a second': [Math.round(count / (elapsedMs / 1_000)).toLocaleString('en')],
    });
  });
}

const SCENARIOS = {
  quiet: () => spendQuota({ name: 'a quiet line', singles: 50, target: 0.99 }),
  stall: () => spendQuota({ name: 'a client that stands still 30 ms in 250', stall: true, target: 0.985 }),
  delay30: () => spendQuota({ name: 'a line with 0–30 ms of delay', delayMs: 30, target: 0.98 }),
  delay100: () => spendQuota({ name: 'a line with 0–100 ms of delay', delayMs: 100, target: 0.94 }),
  // The generator's promises are half of what the process allocates.
  cursor: () =>
    spendQuota({
      name: 'a line with 0–100 ms of delay, and an async source',
      delayMs: 100,
      source: fetched,
      target: 0.93,
    }),
  // For a minute, in small requests.
  far: () =>
    spendQuota({
      name: 'a line of 200 ms',
      delayMs: 200,
      constant: true,
      target: 0.89,
      requests: 60 * QUOTA * 0.9,
      chunkSize: 10,
    }),
  memory: holdMemory,
};
await SCENARIOS[only]();
process.disconnect();
