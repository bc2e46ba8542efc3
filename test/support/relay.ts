import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Relay {
  readonly port: number;
  target: number;
  /** Passes nothing on any more of what goes through it now, and of new connections if they are to be held too. */
  hold(andNewOnes?: boolean): void;
  /** Ends what it held. */
  release(): void;
  close(): void;
}

/**
 * An address that stays while what is behind it changes, for connections that are made from then on.
 * @param bytesPerSecond what one connection takes
 */
export async function startRelay(target: number, bytesPerSecond = Number.POSITIVE_INFINITY): Promise<Relay> {
  const sockets = new Set<Socket>();
  let isHeld = false;
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((near) => {
    const far = connect(relay.target, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    if (isHeld) return;
    if (bytesPerSecond === Number.POSITIVE_INFINITY) near.pipe(far);
    else slowly(near, far, bytesPerSecond).catch(() => near.destroy());
    far.pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay: Relay = {
    port: (server.address() as AddressInfo).port,
    target,
    hold: (andNewOnes = false) => {
      isHeld = andNewOnes;
      for (const socket of sockets) socket.unpipe().pause();
    },
    release: () => {
      isHeld = false;
      endAll();
    },
    close: () => {
      server.close();
      endAll();
    },
  };
  return relay;
}

async function slowly(from: Socket, to: Socket, bytesPerSecond: number): Promise<void> {
  let free = performance.now();
  for await (const data of from as AsyncIterable<Buffer>) {
    for (let start = 0; start < data.length; start += 4_096) {
      const part = data.subarray(start, start + 4_096);
      free = Math.max(free, performance.now()) + (part.length / bytesPerSecond) * 1_000;
      await sleep(free - performance.now());
      to.write(part);
    }
  }
}
