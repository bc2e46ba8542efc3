// Imports what an app has loaded anyway, and then what is measured. Its argument is a JSON text: { on, what }.
const { on, what } = JSON.parse(process.argv[2]);
for (const name of on) await import(name);
globalThis.gc();
const before = process.memoryUsage().heapUsed;
const started = performance.now();
await import(what);
const ms = performance.now() - started;
globalThis.gc();
process.stdout.write(JSON.stringify({ ms, bytes: process.memoryUsage().heapUsed - before }));
