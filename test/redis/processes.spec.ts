import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstMessage, forkProgram, kill } from '../support/processes.js';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { mostInAnySecond } from '../support/redis-quota.js';
import { type RunningServer, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';
import { until } from '../support/until.js';

jest.setTimeout(120_000);

const LIMIT = 200;
/** Within so long after a change, the processes that are there have all that there is. */
const SETTLED_MS = 5_000;
const OVER_MS = 2_500;

let redis: StartedRedis;
let service: RunningServer & { readonly url: string };
let processes: ChildProcess[] = [];
/** What the service has counted: when, and from which process. */
let counted: { readonly at: number; readonly roomId: string }[] = [];

beforeEach(async () => {
  redis = await startRedis({ own: true });
  const answer = vendorAnswer();
  service = await startScriptedServer((response, { body }) => {
    const { RoomId: roomId } = JSON.parse(body) as { RoomId: string };
    counted.push({ at: performance.now(), roomId });
    response.writeHead(200, { 'Content-Type': 'application/json' }).end(answer);
  });
});
afterEach(async () => {
  await Promise.all(processes.map(kill));
  processes = [];
  counted = [];
  await service.close();
  await redis.stop();
});

async function startSender(roomId: string): Promise<ChildProcess> {
  const child = forkProgram(join(import.meta.dirname, 'processes/sender.mjs'), {
    options: {
      appId: 'app-1',
      from: 'server',
      endpoint: service.url,
      credentials: { accessKeyId: 'AKEXAMPLE', secretAccessKey: 'secret' },
      // Without credit, the limit holds without exception.
      quota: { requestsPerSecond: LIMIT, credit: false },
    },
    redisUrl: redis.url,
    roomId,
  });
  processes.push(child);
  await firstMessage(child);
  return child;
}
/** Waits until the processes must have settled, and some time more. @returns requests a second in that time */
async function rateSettled(roomId?: string): Promise<number> {
  await sleep(SETTLED_MS);
  const from = performance.now();
  await sleep(OVER_MS);
  const requests = counted.filter((one) => one.at >= from && (roomId ?? one.roomId) === one.roomId);
  return (requests.length * 1_000) / (performance.now() - from);
}
const worst = (): number => mostInAnySecond(counted.map(({ at }) => at));

describe('processes that share a quota', () => {
  let others: ChildProcess[];
  let one: ChildProcess;
  beforeEach(async () => {
    [one, ...others] = (await Promise.all(['one', 'two', 'three', 'four'].map(startSender))) as [
      ChildProcess,
      ...ChildProcess[],
    ];
    await until(() => counted.length > 3 * LIMIT);
  });

  it('keep to it when some are killed, and have what these had, until there are others', async () => {
    await Promise.all([kill(one), kill(others[0]!)]);
    expect(await rateSettled()).toBeGreaterThan(0.9 * LIMIT);
    await startSender('five');
    expect(await rateSettled('five')).toBeGreaterThan(0.25 * LIMIT);
    expect(worst()).toBeLessThanOrEqual(LIMIT);
  });

  it('keep to it when one stands still for 8 s, and go on with it when it does', async () => {
    one.kill('SIGSTOP');
    const stoppedAt = performance.now();
    expect(await rateSettled()).toBeGreaterThan(0.9 * LIMIT);
    await sleep(stoppedAt + 8_000 - performance.now());
    one.kill('SIGCONT');
    expect(await rateSettled('one')).toBeGreaterThan(0.15 * LIMIT);
    expect(worst()).toBeLessThanOrEqual(LIMIT);
  });

  it('keep to it when all of them stand still for 8 s', async () => {
    for (const process of processes) process.kill('SIGSTOP');
    await sleep(8_000);
    for (const process of processes) process.kill('SIGCONT');
    expect(await rateSettled()).toBeGreaterThan(0.9 * LIMIT);
    expect(worst()).toBeLessThanOrEqual(LIMIT);
  });
});
