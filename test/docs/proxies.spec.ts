import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { certificate } from '../support/certificate.js';
import { exec } from '../support/exec.js';
import { snippetsIn } from '../support/markdown.js';
import { listen, type RunningServer } from '../support/scripted-server.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the project, so that its packages and its own name can be imported as a user would. */
const FOLDER = join(ROOT, 'test/docs/snippets-proxies');
const CREDENTIALS = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;

describe('the recipe of the page on proxies', () => {
  let emulator: RtcEmulator;
  let endpoint = '';
  let proxy: RunningServer;
  let tunnels: (string | undefined)[] = [];

  beforeAll(async () => {
    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
    const tls = await certificate('localhost');
    emulator = await RtcEmulator.start({ tls });
    endpoint = emulator.url.replace('127.0.0.1', 'localhost');
    await writeFile(join(FOLDER, 'company-ca.pem'), tls.cert);
    proxy = await listen(
      createServer().on('connect', (request, socket) => {
        tunnels.push(request.url);
        if (request.headers['proxy-authorization'] !== CREDENTIALS) {
          socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
          return;
        }
        const { port } = new URL(`http://${request.url}`);
        const through = net.connect(Number(port), '127.0.0.1', () => {
          socket.write('HTTP/1.1 200 OK\r\n\r\n');
          socket.pipe(through).pipe(socket);
        });
        through.on('error', () => socket.destroy());
      }),
    );
    const page = await readFile(join(ROOT, 'docs/proxies.md'), 'utf8');
    const snippet = snippetsIn(page).find(({ language }) => language === 'ts');
    await writeFile(join(FOLDER, 'proxied.module.ts'), snippet?.text ?? '');
    await writeFile(
      join(FOLDER, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../tsconfig.json',
        // Types are checked with those of the other pages.
        compilerOptions: { noCheck: true, noEmit: false, rootDir: '.', outDir: './out', paths: {} },
        include: ['.'],
        exclude: ['out'],
      }),
    );
    await exec('node', [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: FOLDER });
    await writeFile(
      join(FOLDER, 'out/run.mjs'),
      `import 'reflect-metadata';
       import { NestFactory } from '@nestjs/core';
       import { RoomUnicastService } from 'nestjs-rtc-messaging';
       import { ProxiedModule } from './proxied.module.js';
       const app = await NestFactory.createApplicationContext(ProxiedModule, { logger: false });
       const service = app.get(RoomUnicastService, { strict: false });
       for (const message of ['one', 'two']) {
         const said = await service.batchSend({ roomId: 'room-1', to: ['alice'], message }).then(
           ({ outcome }) => outcome,
           ({ outcome, message }) => outcome + ': ' + message,
         );
         console.log(said);
       }
       await app.close();
       process.exit();`,
    );
  });
  beforeEach(() => {
    tunnels = [];
  });
  afterAll(async () => {
    await proxy.close();
    await emulator.close();
    await rm(FOLDER, { recursive: true, force: true });
  });

  const run = (password: string): Promise<string> =>
    exec('node', ['out/run.mjs'], {
      cwd: FOLDER,
      env: {
        RTC_ENDPOINT: endpoint,
        RTC_APP_ID: 'emulator-app',
        RTC_FROM: 'server',
        RTC_RETRY_MAX_ATTEMPTS: '1',
        VOLCENGINE_ACCESS_KEY: 'emulator-access-key',
        VOLCENGINE_SECRET_KEY: 'emulator-secret-key',
        HTTPS_PROXY: `http://user:${encodeURIComponent(password)}@127.0.0.1:${proxy.port}`,
        NODE_EXTRA_CA_CERTS: 'company-ca.pem',
      },
    });

  it('sends through a tunnel of a proxy that asks for a password, and keeps the tunnel', async () => {
    const alice = emulator.room('room-1').join('alice');
    expect(await run('p@ss')).toBe('accepted\naccepted\n');
    expect(alice.received.map(({ message }) => message)).toEqual(['one', 'two']);
    expect(tunnels).toEqual([new URL(endpoint).host]);
  });

  it('has sent nothing when the password is wrong, and says that the proxy refused', async () => {
    expect(await run('wrong')).toMatch(
      /^not_attempted: .*PROXY_REFUSED.*; nothing was sent\. The proxy did not open the tunnel .*\n/,
    );
    expect(tunnels.length).toBeGreaterThan(0);
  });
});
