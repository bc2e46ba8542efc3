import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { VARIABLES } from '../../lib/config/environment.js';
import { exec } from '../support/exec.js';
import { nameOf, type Snippet, snippetsIn } from '../support/markdown.js';
import { STRICTEST } from '../support/strictest.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the project, so that its packages and its own name can be imported as a user would. */
const FOLDER = join(ROOT, 'test/docs/snippets');

describe('the README', () => {
  let readme = '';
  let snippets: Snippet[] = [];
  let emulator: RtcEmulator;
  const textsIn = (language: string): string[] =>
    snippets.filter((snippet) => snippet.language === language).map(({ text }) => text);

  beforeAll(async () => {
    readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    snippets = snippetsIn(readme);
    emulator = await RtcEmulator.start();

    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
    for (const text of textsIn('ts')) await writeFile(join(FOLDER, nameOf(text)), text);
    await writeFile(
      join(FOLDER, 'tsconfig.json'),
      JSON.stringify({
        extends: '../../../tsconfig.json',
        compilerOptions: {
          ...STRICTEST,
          verbatimModuleSyntax: true,
          noEmit: false,
          rootDir: '.',
          outDir: './out',
          paths: {},
        },
        include: ['.'],
        exclude: ['out'],
      }),
    );
    await exec('node', [join(ROOT, 'node_modules/typescript/bin/tsc')], { cwd: FOLDER });
  }, 60_000);
  afterAll(async () => {
    await emulator.close();
    await rm(FOLDER, { recursive: true, force: true });
  });

  it('has TypeScript that compiles against the built package, each snippet in a file of its own', () => {
    const names = textsIn('ts').map(nameOf);
    expect(names.length).toBeGreaterThan(6);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has a minimal app that sends with the environment it names', async () => {
    const [dotenv = ''] = textsIn('ini');
    const alice = emulator.room('room-1').join('alice');
    await writeFile(
      join(FOLDER, '.env'),
      dotenv.replace(/^RTC_ENDPOINT=.*$/m, `RTC_ENDPOINT=${emulator.url}`),
    );
    await exec('node', ['out/main.js'], { cwd: FOLDER });
    expect(alice.received).toMatchObject([{ from: 'server', message: 'You won the bid' }]);
  });

  it('has example tests that pass', async () => {
    await writeFile(
      join(FOLDER, 'jest.config.json'),
      JSON.stringify({ rootDir: './out', testEnvironment: 'node', setupFiles: ['reflect-metadata'] }),
    );
    const report = await exec(
      'node',
      [
        '--experimental-vm-modules',
        join(ROOT, 'node_modules/jest/bin/jest.js'),
        '--json',
        '--config',
        'jest.config.json',
      ],
      { cwd: FOLDER },
    );
    expect(JSON.parse(report)).toMatchObject({ success: true, numPassedTests: 5 });
  }, 30_000);

  it('has examples of sending and of errors that do what their comments say', async () => {
    const [alice, bob] = [emulator.room('room-1').join('alice'), emulator.room('room-1').join('bob')];
    await writeFile(
      join(FOLDER, 'out/run.mjs'),
      `import 'reflect-metadata';
       import { NestFactory } from '@nestjs/core';
       import { RoomUnicastService, RtcMessagingModule } from 'nestjs-rtc-messaging';
       import { sendBoth } from './sending.js';
       import { sendOrExplain } from './errors.js';
       const options = ${JSON.stringify(emulator.moduleOptions())};
       const app = await NestFactory.createApplicationContext(RtcMessagingModule.forRoot(options), { logger: false });
       const service = app.get(RoomUnicastService);
       await sendBoth(service);
       console.log(await sendOrExplain(service, 'alice'));
       console.log(await sendOrExplain(service, 'a b'));
       await app.close();`,
    );
    const output = await exec('node', ['out/run.mjs'], { cwd: FOLDER });
    expect(output).toMatch(/^accepted 2 \d{14}[0-9A-F]{18}\naccepted\nto\[0\]\n$/);
    expect(bob.received).toHaveLength(1);
    expect(alice.received).toMatchObject([
      { message: '{"type":"class.started"}' },
      { message: new Uint8Array([1, 2, 3]) },
      { message: new Uint8Array([1, 2, 3]) },
      { from: 'teacher', message: 'hello' },
      { from: 'server', message: 'hello' },
    ]);
  });

  it("has an app's own controller that accepts only the fields that callers may set", async () => {
    const alice = emulator.room('room-1').join('alice');
    await writeFile(
      join(FOLDER, 'out/own-controller.mjs'),
      `import 'reflect-metadata';
       import { Module, ValidationPipe } from '@nestjs/common';
       import { NestFactory } from '@nestjs/core';
       import { RtcMessagingModule } from 'nestjs-rtc-messaging';
       import { AnnouncementsController } from './announcements.controller.js';
       class AppModule {}
       Module({
         imports: [RtcMessagingModule.forRoot(${JSON.stringify(emulator.moduleOptions())})],
         controllers: [AnnouncementsController],
       })(AppModule);
       const app = await NestFactory.create(AppModule, { logger: false });
       // What an app may have beside, and what makes a difference without care.
       app.useGlobalPipes(new ValidationPipe({ transform: true, transformOptions: { enableImplicitConversion: true } }));
       await app.listen(0, '127.0.0.1');
       const good = { roomId: 'room-1', to: ['alice'], message: 'Next' };
       const post = async (body, headers) => {
         const response = await fetch(await app.getUrl() + '/announcements', {
           method: 'POST',
           headers: { 'Content-Type': 'application/json', ...headers },
           body: JSON.stringify({ ...good, ...body }),
         });
         const { message } = await response.json();
         return [response.status, message].flat();
       };
       const answers = [await post({}, {}), await post({}, { 'X-Api-Key': '' })];
       process.env.BACK_OFFICE_KEY = 'secret';
       for (const body of [{ from: 'teacher' }, { binary: 'false' }, { roomId: 7 }, { to: 'alice' }, {}])
         answers.push(await post(body, { 'X-Api-Key': 'secret' }));
       console.log(JSON.stringify(answers));
       await app.close();`,
    );
    const output = await exec('node', ['out/own-controller.mjs'], {
      cwd: FOLDER,
      env: { BACK_OFFICE_KEY: '' },
    });
    expect(JSON.parse(output)).toEqual([
      [403, 'Forbidden resource'],
      [403, 'Forbidden resource'],
      [400, 'from: may not be chosen by the caller'],
      [400, 'binary: must be true or false'],
      [400, expect.stringContaining('roomId: is a number')],
      [400, expect.stringContaining('to: is a string')],
      [200, null],
    ]);
    expect(alice.received).toMatchObject([{ from: 'server', message: 'Next' }]);
  });

  it('names commands that other tests and scripts run', async () => {
    const { scripts, bin } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
      bin: Record<string, string>;
    };
    expect(textsIn('sh').map((text) => text.trim())).toEqual([
      'npm run demo', // demo.spec.ts
      'npm test', // this very run
      'npm run emulator', // rtc-emulator.spec.ts
      'cp sample/02-console/.env.example .env && npm start', // sample-process.spec.ts
      'npm install nestjs-rtc-messaging @nestjs/config class-validator class-transformer', // nest12-esm.spec.ts
      'npx rtc-emulator', // rtc-emulator.spec.ts
    ]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test', 'emulator', 'start']));
    expect(Object.keys(bin)).toEqual(['nestjs-rtc-messaging', 'rtc-emulator']);
  });

  it('has no snippet that no test checks', () => {
    expect(new Set(snippets.map(({ language }) => language))).toEqual(new Set(['ts', 'ini', 'sh']));
    expect(textsIn('ini')).toHaveLength(1);
  });
});

describe("the sample's .env.example", () => {
  it('explains every variable of the library', async () => {
    const text = await readFile(join(ROOT, 'sample/02-console/.env.example'), 'utf8');
    const named = [...text.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(Object.values(VARIABLES)));
    for (const [, before] of text.matchAll(/(^.*\n)#?[A-Z_]+=/gm)) expect(before).toMatch(/^(#|[A-Z_]+=|\n)/);
    expect(parseEnv(text)).toMatchObject({ RTC_ENDPOINT: 'http://127.0.0.1:8787' });
  });
});
