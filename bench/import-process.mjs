// Loads what an app has loaded anyway, and then what is measured. Its argument is a JSON text: { on, what, commonJs }.
// With --expose-gc it measures memory, else time: a collection leaves work behind, which would fall into that time.
import { createRequire } from 'node:module';

const { on, what, commonJs = false } = JSON.parse(process.argv[2]);
const require = createRequire(import.meta.url);
const load = async (name) => (commonJs ? require(name) : import(name));
for (const name of on) await load(name);
globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const started = performance.now();
await load(what);
const ms = performance.now() - started;
globalThis.gc?.();
const result = globalThis.gc === undefined ? { ms } : { bytes: process.memoryUsage().heapUsed - before };
process.stdout.write(JSON.stringify(result));
