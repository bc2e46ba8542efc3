import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { variables } from '../../lib/config/module-option-table.js';
import { exec } from '../support/exec.js';
import { nameOf, type Snippet, snippetsIn } from '../support/markdown.js';
import { STRICTEST } from '../support/strictest.js';
import { TEST_GLOBALS } from '../support/test-globals.js';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the project, so that its packages and its own name can be imported as a user would. */
const FOLDER = join(ROOT, 'test/docs/snippets');

/** Pages whose snippets are run here, beside the README's. Those of all pages are compiled by `pages.spec.ts`. */
const PAGES = ['docs/sending.md', 'docs/controller.md', 'docs/testing.md'];

describe('the README, with the pages on sending, the controller and testing,', () => {
  let readme = '';
  let snippets: Snippet[] = [];
  let documented: string[] = [];
  let emulator: RtcEmulator;
  const textsIn = (language: string): string[] =>
    snippets.filter((snippet) => snippet.language === language).map(({ text }) => text);

  beforeAll(async () => {
    readme = await readFile(join(ROOT, 'README.md'), 'utf8');
    snippets = snippetsIn(readme);
    const pages = await Promise.all(PAGES.map((name) => readFile(join(ROOT, name), 'utf8')));
    documented = [...snippets, ...pages.flatMap(snippetsIn)]
      .filter(({ language }) => language === 'ts')
      .map(({ text }) => text);
    emulator = await RtcEmulator.start();

    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
    for (const text of documented) await writeFile(join(FOLDER, nameOf(text)), text);
    await writeFile(join(FOLDER, 'globals.d.ts'), TEST_GLOBALS);
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
  });
  afterAll(async () => {
    await emulator.close();
    await rm(FOLDER, { recursive: true, force: true });
  });

  it('has TypeScript that compiles against the built package, each snippet in a file of its own', () => {
    const names = documented.map(nameOf);
    expect(names.length).toBeGreaterThan(12);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has a minimal app that sends with the environment it names', async () => {
    const [dotenv = ''] = textsIn('ini');
    const alice = emulator.room('room-1').join('alice');
    await writeFile(
      join(FOLDER, '.env'),
      dotenv.replace(/^RTC_ENDPOINT=.*$/m, `RTC_ENDPOINT=${emulator.url}`),
    );
    await writeFile(
      join(FOLDER, 'out/main.mjs'),
      `import 'reflect-metadata';
       import { NestFactory } from '@nestjs/core';
       import { AppModule, AuctionService } from './app.module.js';
       const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
       await app.get(AuctionService).announceWinner('room-1', 'alice');
       await app.close();`,
    );
    await exec('node', ['out/main.mjs'], { cwd: FOLDER });
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
  });

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
      [400, expect.stringContaining('to: must be a list of user IDs')],
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
      // From here on, readme-quick-start.spec.ts.
      'npm install nestjs-rtc-messaging @nestjs/config class-validator class-transformer',
      'npm install nestjs-rtc-messaging @nestjs/config@4 class-validator class-transformer',
      'npx nestjs-rtc-messaging emulator',
      expect.stringMatching(/^curl .*\nnode --env-file=\.env quick-start\.mjs\ncurl .*$/),
    ]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['demo', 'test', 'emulator', 'start']));
    expect(Object.keys(bin)).toEqual(['rtc-emulator', 'nestjs-rtc-messaging']);
  });

  it('has no snippet that no test checks', () => {
    expect(new Set(snippets.map(({ language }) => language))).toEqual(
      new Set(['ts', 'ini', 'sh', 'js', 'text']),
    );
    // readme-quick-start.spec.ts runs the script and compares what is printed.
    expect(['ini', 'js', 'text'].map((language) => textsIn(language).length)).toEqual([1, 1, 2]);
  });

  it('says how much CPU others take, as the benchmarks do', async () => {
    const page = await readFile(join(ROOT, 'docs/benchmarks.md'), 'utf8');
    const [, table = ''] = page.split('### One call: 5 KB, 16 in flight\n');
    const cpuOf = (subject: string): number =>
      Number(
        table
          .split('\n')
          .find((line) => line.startsWith(`| ${subject} |`))
          ?.match(/([\d.]+) µs/)?.[1],
      );
    const others = ['@volcengine/sdk-core', '@volcengine/openapi', 'Axios + agent + signing'];
    const shown = others.map((other) => `${(cpuOf(other) / cpuOf('this library')).toFixed(1)} ×`);
    expect(readme).toContain(
      `| CPU of a call ([measured](docs/benchmarks.md)) | 1 × | ${shown.join(' | ')} |`,
    );
  });

  it('is short enough to be read, in both languages', async () => {
    for (const name of ['README.md', 'README_zh-CN.md']) {
      const { size } = await stat(join(ROOT, name));
      expect([name, size <= 12_288]).toEqual([name, true]);
    }
  });

  it('has badges that say what package.json says', async () => {
    const { engines, license, peerDependencies } = JSON.parse(
      await readFile(join(ROOT, 'package.json'), 'utf8'),
    ) as { engines: { node: string }; license: string; peerDependencies: Record<string, string> };
    const nest = Array.from((peerDependencies['@nestjs/common'] ?? '').matchAll(/\^(\d+)/g), ([, n]) => n);
    for (const [name, text] of [
      ['node', engines.node.replaceAll('^', '').replaceAll(' ||', ',')],
      ['nest', nest.join(', ')],
      ['license', license],
    ]) {
      const badge = await readFile(join(ROOT, `docs/images/badge-${name}.svg`), 'utf8');
      expect(badge.replaceAll('&gt;', '>')).toContain(`<title>${name}: ${text}</title>`);
    }
  });
});

describe("the sample's .env.example", () => {
  it('explains every variable of the library', async () => {
    const text = await readFile(join(ROOT, 'sample/02-console/.env.example'), 'utf8');
    const named = [...text.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named).toEqual(expect.arrayContaining(Object.values(variables())));
    for (const [, before] of text.matchAll(/(^.*\n)#?[A-Z_]+=/gm)) expect(before).toMatch(/^(#|[A-Z_]+=|\n)/);
    expect(parseEnv(text)).toMatchObject({ RTC_ENDPOINT: 'http://127.0.0.1:8787' });
  });
});
