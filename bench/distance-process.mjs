// A way to Redis that takes long, in a process of its own: what it does must not wait for what the client does. Its
// first argument is a JSON text: { port, delayMs (each way) }.
import { startDelayingProxy } from '../scripts/redis/delaying-proxy.mjs';

const { port, delayMs } = JSON.parse(process.argv[2]);
process.send((await startDelayingProxy(port, delayMs)).port);
process.on('disconnect', () => process.exit());
