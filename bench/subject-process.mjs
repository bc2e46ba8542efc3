// One subject in a process of its own. Its argument is a JSON text: { name, endpoint, credentials, bytes }. Each
// message { calls, inFlight } makes it call so often, so many at once, and tell what that took.
import { SUBJECTS } from './subjects/callers.mjs';

const { name, ...target } = JSON.parse(process.argv[2]);
const call = await SUBJECTS[name](target);

process.on('message', async (order) => {
  if (order === 'end') process.exit();
  process.send(await measure(order));
});
process.send('ready');

async function measure({ calls, inFlight }) {
  const latencies = new Float64Array(calls);
  let begun = 0;
  const work = async () => {
    while (begun < calls) {
      const index = begun++;
      const started = performance.now();
      const answer = await call();
      latencies[index] = performance.now() - started;
      if ((answer.requestId ?? answer.ResponseMetadata?.RequestId) === undefined)
        throw new Error('not accepted');
    }
  };
  globalThis.gc();
  const cpu = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, work));
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort();
  const at = (quantile) => latencies[Math.min(calls - 1, Math.floor(calls * quantile))];
  return {
    cpuUs: (user + system) / calls,
    perSecond: (calls / elapsedMs) * 1_000,
    p50: at(0.5),
    p99: at(0.99),
  };
}
