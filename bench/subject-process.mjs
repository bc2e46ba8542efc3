// One subject in a process of its own. Its argument is a JSON text: { name, endpoint, credentials }. Each message makes
// it call, or fan out, and tell what that took.
import { createCaller } from './subjects/callers.mjs';
import { createPayload } from './subjects/payload.mjs';

const { name, ...target } = JSON.parse(process.argv[2]);
const { call, fanOut = fanOutByHand } = await createCaller(name, target);

process.on('message', async (order) => {
  if (order === 'end') process.exit();
  process.send(order.type === 'calls' ? await measureCalls(order) : await measureFanOut(order));
});
process.on('disconnect', () => process.exit());
process.send('ready');

async function measureCalls({ bytes, inFlight, calls }) {
  const payload = createPayload(bytes);
  const latencies = new Float64Array(calls);
  let begun = 0;
  const work = async () => {
    while (begun < calls) {
      const index = begun++;
      const started = performance.now();
      accepted(await call(payload));
      latencies[index] = performance.now() - started;
    }
  };
  const { cpuUs, elapsedMs } = await measure(() => Promise.all(Array.from({ length: inFlight }, work)));
  latencies.sort();
  const at = (quantile) => latencies[Math.min(calls - 1, Math.floor(calls * quantile))];
  return { cpuUs: cpuUs / calls, perSecond: (calls / elapsedMs) * 1_000, p50: at(0.5), p99: at(0.99) };
}

async function measureFanOut({ recipients, inFlight }) {
  const { cpuUs, elapsedMs } = await measure(() =>
    fanOut(users(recipients), 'The auction begins.', inFlight),
  );
  return { cpuUs: cpuUs / (recipients / 600), perSecond: (recipients / elapsedMs) * 1_000 };
}

async function* users(count) {
  for (let index = 0; index < count; index++) yield `user-${index}`;
}

/** As a careful programmer would write it: so many requests in flight, and recipients read only as they are sent to. */
async function fanOutByHand(recipients, message, inFlight) {
  const iterator = recipients[Symbol.asyncIterator]();
  const nextChunk = async () => {
    const to = [];
    while (to.length < 600) {
      const { done, value } = await iterator.next();
      if (done) break;
      to.push(value);
    }
    return to;
  };
  const work = async () => {
    for (let to = await nextChunk(); to.length > 0; to = await nextChunk()) {
      accepted(await call({ roomId: 'room-1', to, message }));
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
}

async function measure(work) {
  const cpu = process.cpuUsage();
  const started = performance.now();
  await work();
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return { cpuUs: user + system, elapsedMs };
}

function accepted(answer) {
  if ((answer.requestId ?? answer.ResponseMetadata?.RequestId) === undefined) throw new Error('not accepted');
}
