// A line to a server that takes a random time for each request, or the same for all, in a process of its own: what it
// does must not wait for what the server does. Its first argument is a JSON text: { port, host, delayMs (at most),
// constant }.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const { port, host, delayMs, constant } = JSON.parse(process.argv[2]);
const line = createServer({ noDelay: true }, (client) => {
  const server = connect({ port, host, noDelay: true });
  let due = 0;
  let last = 0;
  client.on('data', (data) => {
    const now = performance.now();
    // What follows at once belongs to the same request.
    if (now - last > 2) due = now + (constant ? 1 : Math.random()) * delayMs;
    last = now;
    setTimeout(() => server.write(data), Math.max(0, due - now));
  });
  server.pipe(client);
  for (const [one, other] of [
    [client, server],
    [server, client],
  ]) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
  }
});
line.listen(0, '127.0.0.1');
await once(line, 'listening');
process.send(line.address().port);
process.on('disconnect', () => process.exit());
