import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import type { Page } from 'playwright-core';
import type { Stats, webpack as Webpack } from 'webpack';
import { launchChromium } from '../../sample/02-console/test/browser/chromium.js';
import { frameMessage } from '../../lib/services/frame-message.js';
import { compileApps } from '../support/compile-apps.js';
import { createService } from '../support/service.js';
import { STRICTEST } from '../support/strictest.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** By `require`, since webpack warns of those who look at all that it exports, as Jest does. */
const webpack = createRequire(import.meta.url)('webpack') as typeof Webpack;
/** Minified and compressed. */
const MAX_BYTES = 2_048;

/** A client of the emulator with the receiver, as an app of the Web has one. */
const APP = `
  import { createReceiver } from 'nestjs-rtc-messaging/receiver';
  const show = (tag, text) => {
    const line = document.createElement(tag);
    line.textContent = text;
    document.body.append(line);
  };
  const seen = 'seen of ' + window.userId;
  const { receive, close } = createReceiver({
    from: 'server',
    confirm: (receipts) => show('pre', receipts),
    onMessage: ({ from, message, messageId }) => {
      const text = typeof message === 'string' ? message : 'bytes ' + new Uint8Array(message).join();
      show('p', from + ': ' + text + (messageId === undefined ? '' : ' (' + messageId + ')'));
      if (text === 'bug') throw new Error('a bug of the app');
    },
    storage: {
      load: () => localStorage.getItem(seen),
      save: (text) => localStorage.setItem(seen, text),
    },
  });
  window.addEventListener('error', ({ message }) => show('b', message));
  const socket = new WebSocket(window.emulator + '/rooms/room-1?userId=' + window.userId);
  socket.onopen = () => show('i', 'joined');
  socket.onmessage = ({ data }) => {
    const { event, from, message } = JSON.parse(data);
    if (event !== 'onUserBinaryMessageReceived') receive({ userId: from, message });
    else receive({ userId: from, message: Uint8Array.from(atob(message), (byte) => byte.charCodeAt(0)).buffer });
  };
  window.receive = receive;
  window.leave = close;
`;
/** The receiver alone, to be weighed. */
const RECEIVER = `export { confirmWith, createReceiver } from 'nestjs-rtc-messaging/receiver';`;

type Bundler = (entry: string, outfile: string) => Promise<void>;
const BUNDLERS: readonly (readonly [name: string, bundle: Bundler])[] = [
  [
    'esbuild',
    async (entry, outfile) => {
      const { warnings } = await build({
        entryPoints: [entry],
        outfile,
        bundle: true,
        minify: true,
        format: 'esm',
        platform: 'browser',
        logLevel: 'silent',
      });
      expect(warnings).toEqual([]);
    },
  ],
  [
    'webpack',
    async (entry, outfile) => {
      const stats = await new Promise<Stats | undefined>((done, fail) => {
        webpack(
          {
            mode: 'production',
            target: 'web',
            entry,
            experiments: { outputModule: true },
            output: { path: join(outfile, '..'), filename: 'main.js', library: { type: 'module' } },
          },
          (error, result) => (error ? fail(error) : done(result)),
        );
      });
      expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({
        errors: [],
        warnings: [],
      });
    },
  ],
];

describe.each(BUNDLERS)('the receiver, bundled by %s', (name, bundle) => {
  let folder: string;
  const bundled = async (app: string, source: string): Promise<string> => {
    const entry = join(folder, `${app}.mjs`);
    const outfile = join(folder, app, 'main.js');
    await writeFile(entry, source);
    await bundle(entry, outfile);
    return readFile(outfile, 'utf8');
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), `rtc-receiver-${name}-`));
    await mkdir(join(folder, 'node_modules'));
    await symlink(ROOT, join(folder, 'node_modules/nestjs-rtc-messaging'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('takes less than 2 KB, minified and compressed', async () => {
    const code = Buffer.from(await bundled('weighed', RECEIVER));
    expect(code.toString()).toContain('createReceiver');
    expect(gzipSync(code, { level: 9 }).length).toBeLessThan(MAX_BYTES);
    expect(brotliCompressSync(code).length).toBeLessThan(MAX_BYTES);
  });

  it('shows in Chromium each message once, also after a restart, and confirms what is to be confirmed', async () => {
    const code = await bundled('app', APP);
    await inChromium(code, async ({ open, emulator }) => {
      const { module, service } = await createService(emulator.moduleOptions());
      const [alice, bob] = [await open('alice'), await open('bob')];
      const to = ['alice', 'bob'];
      const request = { roomId: 'room-1', to, message: '上课了。 <b>Class</b> starts.' };
      emulator.faults.add({ kind: 'reset', accept: true, times: 2 });
      const options = { once: true, onUnknown: 'resend' } as const;
      const { messageId: text } = await service.batchSend(request, options);
      const { messageId: bytes } = await service.batchSend(
        { ...request, message: Uint8Array.of(0, 128, 255) },
        options,
      );
      await service.batchSend({ ...request, message: 'foreign' });
      const all = [
        `server: 上课了。 <b>Class</b> starts. (${text})`,
        `server: bytes 0,128,255 (${bytes})`,
        'server: foreign',
      ];
      for (const page of [alice, bob]) {
        await page.locator('p', { hasText: 'foreign' }).waitFor();
        expect(await page.locator('p').allTextContents()).toEqual(all);
      }
      expect(emulator.accepted.duplicates()).toHaveLength(2);

      // After a restart, a copy was seen before; and what a listener of the app throws is the browser's to report.
      const again = await open('alice');
      const receive = (message: unknown) =>
        again.evaluate(`receive({ userId: 'server', message: ${JSON.stringify(message)} })`);
      await receive(emulator.room('room-1').participant('bob')!.received[0]!.message);
      const { message, messageId } = frameMessage('SendRoomUnicast', { message: 'new' }, true);
      await receive(message);
      await receive('bug');
      await again.locator('pre').waitFor();
      expect(await again.locator('p').allTextContents()).toEqual([
        `server: new (${messageId})`,
        'server: bug',
      ]);
      expect(await again.locator('b').allTextContents()).toEqual(['Uncaught Error: a bug of the app']);
      expect(await again.locator('pre').allTextContents()).toEqual([`[rtc1c:${messageId}]`]);
      await module.close();
    });
  });
});

it('the receiver has types that need neither those of Node nor those of a browser', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rtc-receiver-types-'));
  try {
    const source = `
        import { confirmWith, createReceiver, type ReceivedMessage } from 'nestjs-rtc-messaging/receiver';
        const shown: ReceivedMessage[] = [];
        const { receive, close } = createReceiver({
          from: ['server'],
          confirm: async (receipts: string) => receipts.length,
          onMessage: (message) => shown.push(message),
          storage: { load: async () => null, save: (seen) => seen.length },
        });
        receive({ userId: 'server', message: new ArrayBuffer(1) });
        receive('server', 'text');
        receive(1, 'server', new Uint8Array(1));
        const { confirm, onServerMessageSendResult } = confirmWith((receipts) => receipts.length);
        createReceiver({ from: 'server', confirm, onMessage: () => undefined });
        confirmWith(async () => '1', 'Success');
        onServerMessageSendResult(1n, 0);
        // @ts-expect-error Its number would be lost.
        confirmWith(() => undefined);
        // @ts-expect-error Nobody would learn what has been received.
        createReceiver({ from: 'server', onMessage: () => undefined });
        // @ts-expect-error Any user could pass for the server.
        createReceiver({ confirm: () => undefined, onMessage: () => undefined });
        const { from, message, messageId }: ReceivedMessage = shown[0] ?? { from: '', message: '' };
        export const length = (typeof message === 'string' ? message.length : message.byteLength) + from.length;
        export const id: string | undefined = messageId;
        close();
      `;
    await mkdir(join(folder, 'node_modules'));
    await symlink(ROOT, join(folder, 'node_modules/nestjs-rtc-messaging'));
    const kinds = [
      { module: 'nodenext', moduleResolution: 'nodenext' },
      { module: 'esnext', moduleResolution: 'bundler' },
    ];
    for (const [index, kind] of kinds.entries()) {
      const app = join(folder, `app-${index}`);
      await mkdir(app);
      const compilerOptions = { ...STRICTEST, ...kind, target: 'ES2020', lib: ['ES2020'], types: [] };
      await writeFile(join(app, 'app.mts'), source);
      await writeFile(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.mts'] }));
    }
    const apps = kinds.map((_kind, index) => `app-${index}`);
    const errors = await compileApps(folder, apps, join(ROOT, 'node_modules/typescript/bin/tsc'));
    expect([...errors]).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

interface ClientPages {
  readonly emulator: RtcEmulator;
  open(userId: string): Promise<Page>;
}

/** Serves an app to pages of one browser, whose storage they share. */
async function inChromium(code: string, use: (pages: ClientPages) => Promise<void>): Promise<void> {
  const server = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end('<!doctype html><meta charset="utf-8"><title>client</title>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const emulator = await RtcEmulator.start({ allowedOrigins: [origin] });
  const browser = await launchChromium();
  try {
    const context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    await use({
      emulator,
      open: async (userId) => {
        const page = await context.newPage();
        await page.addInitScript(
          `window.userId = '${userId}'; window.emulator = '${emulator.url.replace('http', 'ws')}';`,
        );
        await page.goto(origin);
        await page.addScriptTag({ content: code, type: 'module' });
        await page.locator('i').waitFor();
        return page;
      },
    });
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await emulator.close();
  }
}
