import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { SAMPLE_KEY as key, startSample } from '../running-app.js';
import type { TestApp } from '../../../../test/support/test-app.js';

describe('the sample app', () => {
  let emulator: RtcEmulator;
  let running: TestApp;
  const environment = { ...process.env };

  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    running = await startSample(emulator);
  });
  afterEach(async () => {
    await running.app.close();
    await emulator.close();
    process.env = { ...environment };
  });

  it('announces a class to its students', async () => {
    const alice = emulator.room('class-1').join('alice');
    const body = { title: 'Algebra', students: ['alice', 'bob'] };
    const { status, body: answer } = await running.post('/classes/class-1/start', body, key);
    expect([status, answer]).toEqual([200, { announcedTo: 2, requestId: expect.any(String) }]);
    expect(alice.received).toMatchObject([{ message: '{"type":"class.started","title":"Algebra"}' }]);
  });

  it.each(['/classes/class-1/start', '/rtc/rooms/class-1/unicast'])(
    'lets no one without the key into %s',
    async (path) => {
      expect((await running.post(path, {})).status).toBe(401);
      expect((await running.post(path, {}, { 'x-api-key': 'wrong' })).status).toBe(401);
    },
  );

  it.each<[string, object, string]>([
    ['its own rules', { title: '', students: ['alice'] }, 'title must be longer'],
    ["the library's rules", { title: 'Algebra', students: ['al ice'] }, 'to[0]: "al ice" contains a space'],
  ])('answers a request that breaks %s with a clear 400', async (_what, body, words) => {
    const { status, body: answer } = await running.post('/classes/class-1/start', body, key);
    expect(status).toBe(400);
    expect(JSON.stringify(answer.message)).toContain(JSON.stringify(words).slice(1, -1));
  });
});
