import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer } from './find-server.mjs';
import { ServerProcess } from './server-process.mjs';

const CONNECT_MS = 5_000;

/** Documented, with its types, in `start-redis.d.mts`. */
export async function startRedis({ args, config, own = args !== undefined || config !== undefined } = {}) {
  const url = process.env.REDIS_URL;
  return url && !own ? useGiven(url) : startOwn(args ?? [], config);
}

async function startOwn(args, config) {
  const command = await findServer();
  const dir = await mkdtemp(join(tmpdir(), 'nestjs-rtc-messaging-redis-'));
  const server = new ServerProcess(command, dir, config);
  try {
    await server.start(args);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${server.port}`,
    port: server.port,
    get pid() {
      return server.pid;
    },
    async stop() {
      await server.kill('SIGKILL');
      await rm(dir, { recursive: true, force: true });
    },
    kill: (signal = 'SIGKILL') => server.kill(signal),
    async restart(newArgs = args) {
      args = newArgs;
      await server.kill('SIGKILL');
      await server.start(args);
    },
  };
}

async function useGiven(url) {
  const port = await requireReachable(url);
  return { url, port, pid: undefined, stop: async () => undefined, kill: refuse, restart: refuse };
}

async function refuse() {
  throw new Error('REDIS_URL names a server that is not ours to stop: ask for startRedis({ own: true })');
}

/** The URL may hold a password, so no message quotes it. */
async function requireReachable(url) {
  if (!URL.canParse(url)) throw new Error('REDIS_URL must be a URL such as redis://127.0.0.1:6379');
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '') || '127.0.0.1';
  const number = Number(port || 6379);
  await new Promise((resolve, reject) => {
    const fail = (why) => {
      socket.destroy();
      reject(
        new Error(`No Redis answers at REDIS_URL (${host}:${number}): ${why}. Start it, or unset REDIS_URL.`),
      );
    };
    const socket = connect({ host, port: number }, () => {
      socket.destroy();
      resolve();
    });
    socket.setTimeout(CONNECT_MS, () => fail(`no connection within ${CONNECT_MS} ms`));
    socket.on('error', (error) => fail(error.code ?? error.message));
  });
  return number;
}
