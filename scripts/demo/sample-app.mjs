import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 5_000;

/** Starts the built sample as a process of its own and waits until it answers. */
export async function startSampleApp(environment) {
  const apiKey = process.env.SAMPLE_API_KEY || randomBytes(12).toString('hex');
  const port = (await freePort(preferredPort())) ?? (await freePort(0));
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ['sample/02-console/dist/main.js'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      RTC_CALLBACK_SECRETS: randomBytes(12).toString('hex'),
      RTC_CLIENT_MESSAGE_SECRETS: randomBytes(12).toString('hex'),
      ...process.env,
      ...environment,
      SAMPLE_API_KEY: apiKey,
      PORT: String(port),
      HOST: '127.0.0.1',
    },
  });
  const exited = once(child, 'exit');
  process.once('exit', () => child.kill('SIGKILL'));

  const giveUp = Date.now() + START_LIMIT_MS;
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error(`The sample ended with exit code ${child.exitCode}.`);
    if (Date.now() > giveUp) {
      child.kill();
      throw new Error(`The sample did not answer within ${START_LIMIT_MS / 1_000} s.`);
    }
    await sleep(50);
  }
  return {
    url,
    apiKey,
    exited,
    async post(path, body) {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Api-Key': apiKey },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    },
    async stop() {
      child.kill('SIGTERM');
      // A connection that someone holds open would keep it waiting.
      const grace = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(grace);
    },
  };
}

function preferredPort() {
  const port = Number(process.env.PORT || 3000);
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : 0;
}

async function answers(url) {
  try {
    await (await fetch(url)).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** The port itself when it is free, any free one for 0, undefined when it is taken. */
async function freePort(port) {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server.address().port;
  } catch {
    return undefined;
  } finally {
    server.close();
  }
}
