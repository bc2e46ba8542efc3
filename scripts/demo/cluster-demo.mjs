import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startRedis } from '../redis/start-redis.mjs';
import { ask, startEmulator } from './emulator-command.mjs';
import { createProgressBar } from './progress-bar.mjs';

const PROCESSES = fileURLToPath(new URL('cluster/', import.meta.url));
const WORKERS = 3;
/** Small, so that there is something to see: at 600, it is over in a second. */
const CHUNK_SIZE = 100;

/**
 * A durable fan-out over processes, one of which is killed half way.
 * @returns whether the account adds up, by the library and by the emulator
 */
export async function runClusterDemo({ recipients, once: endsByItself }) {
  const closing = [];
  const interrupted = new Promise((resolve) => process.once('SIGINT', () => resolve('interrupted')));
  try {
    const redis = await startRedis();
    closing.push(() => redis.stop());
    const emulator = await startEmulator();
    closing.push(() => emulator.stop());
    const demo = new ClusterDemo(redis.url, emulator.settings, recipients);
    closing.push(() => demo.close());
    const outcome = await Promise.race([demo.run(), interrupted]);
    if (outcome === 'interrupted') return false;
    if (!endsByItself) {
      console.log(`\nBull Board goes on at ${demo.boardUrl} until Ctrl-C.`);
      await interrupted;
    }
    return outcome;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

class ClusterDemo {
  #children = new Set();
  #env;
  #prefix = `demo-${randomUUID()}`;

  constructor(redisUrl, settings, recipients) {
    this.redisUrl = redisUrl;
    this.settings = settings;
    this.recipients = recipients;
    this.#env = {
      ...process.env,
      ...settings,
      DEMO_REDIS_URL: redisUrl,
      DEMO_PREFIX: this.#prefix,
    };
  }

  async run() {
    const producer = this.#fork('producer.mjs');
    const { url } = await firstMessage(producer);
    this.boardUrl = url;
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, async () => {
        const worker = this.#fork('worker.mjs');
        await firstMessage(worker);
        return worker;
      }),
    );
    console.log(`\n=== One message to ${count(this.recipients)} users, ${CHUNK_SIZE} a request`);
    console.log(
      `A producer (${producer.pid}) and three workers (${workers.map(({ pid }) => pid).join(', ')}),`,
    );
    console.log(`which share the quota through Redis. The queue, in Bull Board: ${url}\n`);
    const report = await this.#watch(producer, workers[1]);
    return this.#account(report);
  }

  /** @returns the report */
  #watch(producer, victim) {
    const bar = createProgressBar('{inFlight} chunks in flight');
    bar.start(this.recipients, 0, { rate: '…', inFlight: 0 });
    let isKilled = false;
    return new Promise((resolve, reject) => {
      producer.once('exit', (code) => reject(new Error(`The producer ended with ${code}`)));
      producer.on('message', ({ progress, report }) => {
        if (progress !== undefined) {
          const { done, rate, inFlight } = progress;
          bar.update(done, { rate: count(Math.round(rate)), inFlight });
          if (!isKilled && done >= this.recipients / 2) {
            isKilled = true;
            victim.kill('SIGKILL');
            bar.stop();
            console.log(`\nWorker ${victim.pid} was killed (SIGKILL). The others go on.\n`);
            bar.start(this.recipients, done, { rate: count(Math.round(rate)), inFlight });
          }
        }
        if (report !== undefined) {
          bar.stop();
          resolve(report);
        }
      });
      producer.send({ recipients: this.recipients, chunkSize: CHUNK_SIZE });
    });
  }

  async #account({ status, counts, elapsedMs, requests, throttled, chunks }) {
    const { input, ...outcomes } = counts;
    const sum = Object.values(outcomes).reduce((total, some) => total + some, 0);
    const lost = chunks.filter(({ error }) => error?.code === 'WORKER_LOST');
    const { accepted, duplicates, dropped } = await ask(this.settings, '');
    console.log(`\n${status}: ${JSON.stringify(counts)}`);
    console.log(
      `${count(requests)} requests in ${(elapsedMs / 1_000).toFixed(1)} s, ${throttled} refused for the quota; ` +
        `${lost.length} chunks were in flight with the worker that was killed`,
    );
    console.log(
      `The emulator accepted ${count(accepted)}, of them twice: ${duplicates}; ` +
        `the library says ${count(counts.accepted)} accepted, and ${count(counts.unknown)} unknown`,
    );
    const addsUp =
      input === this.recipients &&
      sum === input &&
      counts.accepted + counts.unknown === input &&
      accepted >= counts.accepted &&
      accepted <= counts.accepted + counts.unknown &&
      duplicates === 0 &&
      dropped.accepted === 0;
    console.log(addsUp ? 'The account adds up.' : 'The account does NOT add up.');
    return addsUp;
  }

  async close() {
    await Promise.all(
      [...this.#children].map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const ended = once(child, 'exit');
        if (child.connected) child.disconnect();
        await ended;
      }),
    );
    // The server may be the user's.
    const client = new Redis(this.redisUrl);
    const keys = await client.keys(`{${this.#prefix}}*`);
    if (keys.length > 0) await client.unlink(keys);
    client.disconnect();
  }

  #fork(file) {
    const child = fork(`${PROCESSES}${file}`, { env: this.#env, execArgv: [] });
    this.#children.add(child);
    return child;
  }
}

async function firstMessage(child) {
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`A process ended with ${code} before it was ready`);
  });
  ended.catch(() => undefined);
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message;
}

function count(number) {
  return number.toLocaleString('en');
}
