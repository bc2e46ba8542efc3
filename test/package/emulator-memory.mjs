// Says how much memory the emulator holds of bodies whose chunks are of a byte, in MB. Run with --expose-gc.
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

const CLIENTS = 20;
const HEAD = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';
const CHUNKS = '1\r\nx\r\n'.repeat(50_000);
const LAST_CHUNK = '0\r\n\r\n';

const emulator = await RtcEmulator.start({ quota: { requestsPerSecond: Number.POSITIVE_INFINITY } });
const { hostname, port } = new URL(emulator.url);
/** The emulator's ends of the connections. */
const served = [];
subscribe('http.server.request.start', ({ socket }) => served.push(socket));

function heldMb() {
  for (let round = 0; round < 5; round++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 1_048_576;
}

const before = heldMb();
const sockets = Array.from({ length: CLIENTS }, () => createConnection(Number(port), hostname));
for (const socket of sockets) socket.write(HEAD + CHUNKS);
const isRead = ({ bytesRead }) => bytesRead === HEAD.length + CHUNKS.length;
while (served.filter(isRead).length < CLIENTS) await sleep(10);
const held = heldMb() - before;

const answers = sockets.map((socket) => once(socket, 'data'));
for (const socket of sockets) socket.write(LAST_CHUNK);
await Promise.all(answers);
const lengths = emulator.requests.map(({ body }) => body.length);
for (const socket of sockets) socket.destroy();
await emulator.close();
process.stdout.write(JSON.stringify({ held, lengths }));
