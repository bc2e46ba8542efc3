// Whether the time of a refusal tells a nearly right signature from a wholly wrong one. Run after `npm run build`.
import { resolveCallbackSettings } from '../build/callbacks/callback-settings.js';
import { readEvent, signEvent } from '../build/callbacks/read-event.js';

const ROUNDS = 60;
const CALLS = 2_000;
const options = { appId: 'app', events: { path: '/e', secrets: ['one-secret', 'another-secret'] } };
const { events } = resolveCallbackSettings(options, undefined, {});
const fields = {
  EventType: 'UserJoinRoom',
  EventData: '{"RoomId":"room-1","UserId":"alice"}',
  EventTime: new Date().toISOString(),
  EventId: 'event-1',
  AppId: 'app',
  Version: '2020-12-01',
  Nonce: 'nonce',
};
const right = signEvent(Object.values(fields), 'one-secret');
const other = (digit) => (digit === '0' ? '1' : '0');
const kinds = {
  'last digit wrong': right.slice(0, -1) + other(right.at(-1)),
  'first digit wrong': other(right[0]) + right.slice(1),
  'all digits wrong': [...right].map(other).join(''),
};

function microseconds(Signature) {
  const event = { ...fields, Signature };
  const begun = performance.now();
  for (let call = 0; call < CALLS; call++) {
    try {
      readEvent(event, 'app', events, 0);
    } catch {
      // Refused, as it must be.
    }
  }
  return ((performance.now() - begun) * 1_000) / CALLS;
}

const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
for (let round = 0; round < ROUNDS; round++) {
  // In turns that change, so that none is always the first.
  const order = Object.keys(kinds).map((_, index, all) => all[(index + round) % all.length]);
  for (const kind of order) times[kind].push(microseconds(kinds[kind]));
}
const [, ...rest] = Object.keys(kinds).map((kind) => [kind, times[kind].slice(ROUNDS / 6)]);
const [base] = Object.values(times).map((list) => list.slice(ROUNDS / 6));
const mean = (list) => list.reduce((sum, one) => sum + one, 0) / list.length;
console.log(`last digit wrong: ${mean(base).toFixed(3)} µs a call`);
for (const [kind, list] of rest) {
  const differences = list.map((time, index) => time - base[index]);
  const average = mean(differences);
  const deviation = Math.sqrt(mean(differences.map((one) => (one - average) ** 2)));
  const error = deviation / Math.sqrt(differences.length);
  console.log(`${kind}: ${average.toFixed(3)} ± ${(2 * error).toFixed(3)} µs against that (95 %)`);
}
