import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_MS = 30_000;
const POLL_MS = 20;
/** Another program may take a port between its being found free and being used. */
const PORTS_TO_TRY = 5;

/** After these signals the process lives on. */
const NOT_FATAL = new Set(['SIGSTOP', 'SIGCONT', 'SIGUSR1', 'SIGUSR2']);

/**
 * Its standard input ends with the process that holds it, however that ends: then it kills the server and
 * removes its files. In a group of its own, so that Ctrl-C in a terminal does not end it first.
 */
const WATCHDOG = 'cat > /dev/null; kill -9 "$1" 2> /dev/null; rm -rf "$2"';

/** A server's process, on one port and with one directory, started as often as one likes. */
export class ServerProcess {
  #child;

  /** @param {string | undefined} config what is to be in its file of settings; it may write there itself */
  constructor(command, dir, config) {
    this.command = command;
    this.dir = dir;
    this.config = config;
    this.port = undefined;
  }

  get pid() {
    return this.#child?.pid;
  }

  /** Resolves when it answers. */
  async start(args) {
    for (let attempt = 1; ; attempt++) {
      const port = this.port ?? (await freePort());
      const output = await this.#run(port, args);
      if (output === undefined) {
        this.port = port;
        return;
      }
      const taken = this.port === undefined && /address already in use/i.test(output);
      if (!taken || attempt === PORTS_TO_TRY) {
        throw new Error(`${this.command} did not start on port ${port}:\n${output}`);
      }
    }
  }

  async kill(signal) {
    const child = this.#child;
    if (child === undefined) return;
    const ended = once(child, 'close');
    child.ref();
    child.kill(signal);
    if (NOT_FATAL.has(signal)) {
      child.unref();
      return;
    }
    await ended;
  }

  /** @returns what it printed, if it ended before it answered */
  async #run(port, args) {
    const all = ['--port', String(port), '--bind', '127.0.0.1', '--dir', this.dir, '--daemonize', 'no'];
    all.push('--save', '', '--appendonly', 'no', ...args);
    if (this.config !== undefined) {
      const file = join(this.dir, 'redis.conf');
      await writeFile(file, this.config);
      all.unshift(file);
    }
    const child = spawn(this.command, all, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    await once(child, 'spawn');
    let output = '';
    const keep = (text) => (output = (output + text).slice(-4_000));
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', keep);
      // None of it keeps whoever asked from ending: the watchdog sees to the rest.
      stream.unref();
    }
    child.unref();
    this.#child = child;
    const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, 'sh', String(child.pid), this.dir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    watchdog.unref();
    watchdog.stdin.unref();
    watchdog.stdin.on('error', () => undefined);
    child.once('close', () => {
      // Its files are still there for the next start.
      watchdog.kill('SIGKILL');
      if (this.#child === child) this.#child = undefined;
    });

    const giveUpAt = Date.now() + START_MS;
    for (;;) {
      if (this.#child !== child) return output || 'it ended without a word';
      if (await answers(port)) {
        // A server that was there before would answer as well, while this one ends.
        await sleep(0);
        if (this.#child === child) return undefined;
      }
      if (Date.now() > giveUpAt) {
        await this.kill('SIGKILL');
        return `${output}\nNo answer within ${START_MS} ms.`;
      }
      await sleep(POLL_MS);
    }
  }
}

/** Any answer will do (it may ask for a password), but for that it is still reading its files. */
function answers(port) {
  return new Promise((resolve) => {
    const end = (answered) => {
      socket.destroy();
      resolve(answered);
    };
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'));
    socket.setTimeout(1_000, () => end(false));
    socket.on('error', () => end(false));
    socket.once('data', (data) => end(!data.toString().startsWith('-LOADING')));
    socket.once('end', () => end(false));
  });
}

async function freePort() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
