import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { join, resolve } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { exec } from '../support/exec.js';
import { ownPrefix } from '../support/fan-out-queue.js';
import { type StartedRedis, startRedis } from '../support/redis.js';

describe('a process that has closed its app', () => {
  let emulator: RtcEmulator;
  let redis: StartedRedis;
  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    redis = await startRedis();
  });
  afterAll(async () => {
    await emulator.close();
    await redis.stop();
  });

  it.each([
    ['RtcMessagingModule', {}],
    ['a quota that is shared', { sharesQuota: true }],
    ['a producer of durable fan-outs', { queue: { role: 'producer' } }],
    ['a worker of durable fan-outs', { queue: { role: 'both' } }],
  ])('is not kept by %s', async (_name, { queue, ...parts }: { queue?: object; sharesQuota?: boolean }) => {
    const app = {
      rtc: emulator.moduleOptions(),
      redisUrl: redis.url,
      ...parts,
      ...(queue && { queue: { prefix: ownPrefix(), ...queue } }),
    };
    const program = join(import.meta.dirname, 'closed-app.mjs');
    const printed = await exec(process.execPath, [program, JSON.stringify(app)], {
      cwd: resolve(import.meta.dirname, '../..'),
    });
    expect(JSON.parse(printed)).toEqual([]);
  });
});
