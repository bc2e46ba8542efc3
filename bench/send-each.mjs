// What many different messages cost in one call of `sendEach()`: CPU against as many calls of `send()`, memory, and
// whether the quota is kept and the counts add up over faults. The emulator is a process of its own. Its first argument
// is a JSON text: the options of `npm run bench:send-each`.
import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { startEmulator } from './emulator.mjs';
import { printVerdicts } from './verdicts.mjs';

/** What `sendEach()` may cost of a message, against `send()`. */
const MAX_CPU = 1.2;
const PAIRS = 7;
const CPU_MESSAGES = 4_000;
const CONCURRENCY = 48;
/** Of the process, with what is in flight: a few hundred messages of a thousand bytes, and their sockets. */
const MAX_MEMORY_MB = 24;
const MAX_GROWTH_MB = 4;
/** What the report keeps of a message that was not accepted: its error, with its attempts. */
const PER_FAILURE_MB = 0.016;
/** A second. Far above the vendor's, so that the run takes seconds. */
const QUOTA = 4_000;
const SEED = 20_261_126;

const { messages: MESSAGES, only } = JSON.parse(process.argv[2]);
Logger.overrideLogger(false);
const TEXT = 'x'.repeat(980);
const messageOf = (index) => ({
  roomId: `room-${index % 7}`,
  to: `user-${index % 1_000}`,
  message: `${index} ${TEXT}`,
});
function* messages(count) {
  for (let index = 0; index < count; index++) yield messageOf(index);
}
const sumOf = (counts) => Object.values({ ...counts, input: 0 }).reduce((sum, count) => sum + count, 0);

async function withService(requestsPerSecond, work) {
  const emulator = await startEmulator({ requestsPerSecond, delayMs: 0, keepBytes: 2 ** 33 });
  const app = await NestFactory.createApplicationContext(
    RtcMessagingModule.forRoot({
      ...emulator.options,
      timeoutMs: 2_000,
      quota: { requestsPerSecond: requestsPerSecond ?? 1_000_000 },
    }),
    { logger: false },
  );
  try {
    await work(app.get(RoomUnicastService), emulator);
  } finally {
    await app.close();
    await emulator.stop();
  }
}

/** As an app would have it without `sendEach()`: some workers, each with one message at a time. */
async function sendOneByOne(service, count) {
  const source = messages(count);
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (const message of source) await service.send(message);
    }),
  );
}

async function cpuOf(work) {
  globalThis.gc();
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / CPU_MESSAGES;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** In MB, after collecting what is not needed. */
function memoryUse() {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1_048_576;
}

async function measureCpu() {
  await withService(null, async (service, emulator) => {
    const each = () => service.sendEach(messages(CPU_MESSAGES), { concurrency: CONCURRENCY });
    const single = () => sendOneByOne(service, CPU_MESSAGES);
    for (const work of [each, single, each, single]) await work();
    const pairs = [];
    for (let pair = 0; pair < PAIRS; pair++) {
      await emulator.forget();
      // What comes second may find the processor warmer.
      const first = pair % 2 === 0 ? each : single;
      const one = await cpuOf(first);
      const other = await cpuOf(first === each ? single : each);
      pairs.push(first === each ? { each: one, single: other } : { each: other, single: one });
    }
    const ratio = median(pairs.map(({ each: cost, single: base }) => cost / base));
    printVerdicts('CPU of a message, median of pairs', {
      'send()': [`${median(pairs.map(({ single: cost }) => cost)).toFixed(1)} µs`],
      'sendEach()': [`${median(pairs.map(({ each: cost }) => cost)).toFixed(1)} µs`],
      ratio: [ratio.toFixed(3), `at most ${MAX_CPU}`, ratio <= MAX_CPU],
    });
  });
}

async function addFaults(endpoint) {
  const faults = [
    { kind: 'reset' },
    { kind: 'reset', accept: true },
    { kind: 'html', accept: true },
    { kind: 'truncated' },
    { kind: 'error', code: 'InternalError', accept: true },
    { kind: 'error', code: 'InvalidParameter.IllegalRoomID' },
    { kind: 'error', code: 'FailToConnect' },
  ];
  const rules = faults.map((fault, index) => ({ ...fault, probability: 0.004, seed: SEED + index }));
  const answer = await fetch(`${endpoint}/__emulator/faults`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ faults: rules }),
  });
  if (!answer.ok) throw new Error(`The emulator refuses the faults: ${await answer.text()}`);
}

async function runOverFaults() {
  await withService(QUOTA, async (service, { account, options }) => {
    const before = await account();
    await addFaults(options.endpoint);
    const memory = [];
    const idle = memoryUse();
    const started = performance.now();
    let done = 0;
    const report = await service.sendEach(messages(MESSAGES), {
      onChunk: () => {
        done += 1;
        if (done % Math.ceil(MESSAGES / 10) === 0) memory.push(memoryUse() - idle);
      },
    });
    const seconds = (performance.now() - started) / 1_000;
    const after = await account();
    const accepted = after.accepted - before.accepted;
    const { counts } = report;
    const kept = (counts.rejected + counts.unknown + counts.notAttempted) * PER_FAILURE_MB;
    const maxGrowth = MAX_GROWTH_MB + kept;
    const maxMemory = MAX_MEMORY_MB + kept;
    const most = Math.max(...memory);
    const growth = (memory.at(-2) ?? 0) - (memory.at(1) ?? 0);
    const isSum = sumOf(counts) === counts.input && counts.input === MESSAGES;
    const isTold = accepted >= counts.accepted && accepted <= counts.accepted + counts.unknown;
    printVerdicts(
      `${MESSAGES.toLocaleString('en')} messages over a mix of faults (seed ${SEED}), ${seconds.toFixed(1)} s`,
      {
        counts: [JSON.stringify(counts), 'the sum is the input', isSum],
        'every end was met': [
          `${counts.rejected} rejected, ${counts.unknown} unknown`,
          'some of each',
          counts.rejected > 0 && counts.unknown > 0,
        ],
        'accepted, by the emulator': [`${accepted}`, 'as the report says', isTold],
        'accepted twice': [
          `${after.duplicates - before.duplicates}`,
          '0',
          after.duplicates === before.duplicates,
        ],
        'refused for the quota': [`${report.throttled}`, '0', report.throttled === 0],
        'most in any second': [
          `${after.mostInAnySecond}`,
          `at most ${QUOTA}`,
          after.mostInAnySecond <= QUOTA,
        ],
        'memory, at most': [`${most.toFixed(1)} MB`, `under ${maxMemory.toFixed(0)} MB`, most < maxMemory],
        'memory grown, second to ninth tenth': [
          `${growth.toFixed(1)} MB`,
          `under ${maxGrowth.toFixed(0)} MB`,
          growth < maxGrowth,
        ],
      },
    );
  });
}

const SCENARIOS = { cpu: measureCpu, faults: runOverFaults };
await SCENARIOS[only]();
