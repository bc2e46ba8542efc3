import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Documented, with its types, in `delaying-proxy.d.mts`. */
export async function startDelayingProxy(target, delayMs) {
  const sockets = new Set();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: '127.0.0.1', noDelay: true });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(socket);
      const pass = delayed(delayMs, (data) => other.destroyed || other.write(data));
      socket.on('data', pass);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: server.address().port,
    cut,
    close() {
      server.close();
      cut();
    },
  };
}

/** Calls back with each item so much later, in order. Timers of equal length do not overtake each other. */
function delayed(delayMs, pass) {
  return delayMs === 0 ? pass : (item) => void setTimeout(pass, delayMs, item);
}
