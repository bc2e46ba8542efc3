// Says how much memory is held after many events, and after many requests that are refused, in MB. Run with --expose-gc.
import { createHash } from 'node:crypto';
import { ClientMessageReceiver } from '../../build/callbacks/client-message-receiver.js';
import { resolveCallbackSettings } from '../../build/callbacks/callback-settings.js';
import { EventReceiver } from '../../build/callbacks/event-receiver.js';
import { LimitedLog } from '../../build/diagnostics/limited-log.js';

/** The first third fills what is remembered: 100,000 events. */
const COUNT = Number(process.argv[2] ?? 390_000);
const options = {
  appId: 'app',
  events: { path: '/e', secrets: ['a-secret'] },
  clientMessages: { path: '/m', secrets: ['a-secret-of-messages'] },
};
const settings = resolveCallbackSettings(options, undefined, {});
let lines = 0;
const log = new LimitedLog({ log: () => (lines += 1), warn: () => (lines += 1), error: () => (lines += 1) });
let handled = 0;
const handlers = [
  { label: 'A.good()', types: ['*'], run: async () => (handled += 1) },
  {
    label: 'A.bad()',
    types: ['UserLeaveRoom'],
    run: async () => {
      throw new Error('as planned');
    },
  },
];
const events = new EventReceiver('app', settings.events, handlers, log);
const messages = new ClientMessageReceiver(settings, handlers);

function eventOf(number, secret) {
  const fields = {
    EventType: number % 10 === 0 ? 'UserLeaveRoom' : 'UserJoinRoom',
    EventData: JSON.stringify({ RoomId: 'room-1', UserId: `user-${number}` }),
    EventTime: new Date().toISOString(),
    // What is remembered must not grow with it.
    EventId: `event-${number}-${secret}-${'x'.repeat(2_000)}`,
    AppId: 'app',
    Version: '2020-12-01',
    Nonce: `n${number}`,
  };
  const sorted = [...Object.values(fields), secret].sort();
  return { ...fields, Signature: createHash('sha256').update(sorted.join('')).digest('hex') };
}

async function statusOf(promise) {
  try {
    await promise;
    return 200;
  } catch (error) {
    return error.getStatus();
  }
}

function heldMb() {
  for (let round = 0; round < 5; round++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1_048_576);
}

const statuses = {};
async function run(secret, from, to) {
  for (let number = from; number < to; number++) {
    const status = await statusOf(events.receive(eventOf(number, secret)));
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (secret !== 'a-secret') {
      const message = { message: 'x', binary: false, signature: `user-${number}.${secret}` };
      statuses[await statusOf(messages.receive(message))] += 1;
    }
  }
  return heldMb();
}

const third = Math.floor(COUNT / 3);
const held = [heldMb(), await run('a-secret', 0, third), await run('a-secret', third, 2 * third)];
held.push(await run('a-secret', 2 * third, 3 * third));
held.push(await run('wrong', 0, 3 * third));
/** How often its handlers are called again for the last event of all, and for the first one. */
const again = [];
for (const number of [3 * third - 1, 1]) {
  const before = handled;
  await events.receive(eventOf(number, 'a-secret'));
  again.push(handled - before);
}
process.stdout.write(
  JSON.stringify({ held, statuses, handled: handled - again[1], again, lines, count: 3 * third }),
);
