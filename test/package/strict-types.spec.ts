import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compileApps } from '../support/compile-apps.js';
import { installWithout } from '../support/install-without.js';
import { STRICTEST } from '../support/strictest.js';

const ROOT = resolve(import.meta.dirname, '../..');
const ENTRIES = ['', '/emulator', '/redis', '/bullmq', '/receiver', '/callbacks', '/receipts'];

type App = readonly [name: string, type: 'module' | 'commonjs', compilerOptions: object];
/** The kinds of apps: how each finds the package, and as what it is compiled. */
const APPS: readonly [App, ...App[]] = [
  ['ES modules of Node', 'module', { module: 'nodenext', moduleResolution: 'nodenext' }],
  ['ES modules of Node 16', 'module', { module: 'node16', moduleResolution: 'node16' }],
  ['CommonJS of Node', 'commonjs', { module: 'nodenext', moduleResolution: 'nodenext' }],
  ['a bundler', 'module', { module: 'esnext', moduleResolution: 'bundler' }],
  [
    'the resolution of old, which knows nothing of "exports"',
    'commonjs',
    { module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' },
  ],
];

/** What an app exports that is made of the library's types. */
const DERIVING = `
  import { PickType } from '@nestjs/mapped-types';
  import { BatchSendRoomUnicastDto, RtcMessagingModule, SendRoomUnicastDto, WithFrom } from 'nestjs-rtc-messaging';
  import { RtcFanOutQueueModule } from 'nestjs-rtc-messaging/bullmq';
  import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
  export class AnnouncementDto extends WithFrom(BatchSendRoomUnicastDto) {}
  export class WhisperDto extends WithFrom(PickType(SendRoomUnicastDto, ['to', 'message'])) {}
  export const from = new WhisperDto().from ?? new AnnouncementDto().from;
  export const messaging = RtcMessagingModule.forRoot({ appId: process.env['RTC_APP_ID'] });
  export const queue = RtcFanOutQueueModule.forRoot({ connection: 'redis://127.0.0.1', prefix: process.env['PREFIX'] });
  export const start = () => RtcEmulator.start();
`;

/** What an app gives to the library. */
const GIVEN =
  /(?:Options|(?<!Recorded)Request|Extras|Init|Thresholds|Rule|Account|Attempt|Problem|QuotaStore)$/;

/** What may be left out of what an app gives, given as undefined, and the names of the types. */
async function loose(): Promise<{ readonly source: string; readonly names: readonly string[] }> {
  const source = [
    `type Loose<T> = T extends (...args: never[]) => unknown ? T : T extends object
       ? { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] } : T;`,
  ];
  const names: string[] = [];
  for (const [index, entry] of ENTRIES.entries()) {
    source.push(`import type * as entry${index} from 'nestjs-rtc-messaging${entry}';`);
    const folder = join(ROOT, 'dist/esm', entry);
    const declarations = await readFile(join(folder, 'index.d.ts'), 'utf8');
    const exported = Array.from(declarations.matchAll(/\b\w+(?=[,\s]*[,}])/g), ([name]) => name);
    for (const [, file = ''] of declarations.matchAll(/\* from '(.*)\.js'/g)) {
      const whole = await readFile(join(folder, `${file}.d.ts`), 'utf8');
      exported.push(
        ...Array.from(whole.matchAll(/^export (?:interface|type) (\w+)/gm), ([, name = '']) => name),
      );
    }
    for (const name of exported.filter((name) => GIVEN.test(name))) {
      names.push(name);
      source.push(`declare const given${names.length}: Loose<entry${index}.${name}>;
                   export const taken${names.length}: entry${index}.${name} = given${names.length};`);
    }
  }
  return { source: source.join('\n'), names };
}

describe('the types of the published package, as strictly as TypeScript can', () => {
  let folder: string;
  let errors: ReadonlyMap<string, readonly string[]>;
  let names: readonly string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rtc-strict-'));
    await installWithout([], folder);
    const entries = ENTRIES.map(
      (entry, index) => `export * as entry${index} from 'nestjs-rtc-messaging${entry}';`,
    );
    const source = [...entries, DERIVING].join('\n');
    for (const [index, [, type, options]] of APPS.entries())
      await write(`app-${index}`, type, options, source);
    const undefineds = await loose();
    names = undefineds.names;
    const [[, type, options]] = APPS;
    await write('undefineds', type, options, undefineds.source);
    const apps = [...APPS.map((_app, index) => `app-${index}`), 'undefineds'];
    errors = await compileApps(folder, apps, join(ROOT, 'node_modules/typescript/bin/tsc'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function write(app: string, type: string, options: object, source: string): Promise<void> {
    const place = join(folder, app);
    await mkdir(place);
    await writeFile(join(place, 'package.json'), JSON.stringify({ private: true, type }));
    await writeFile(join(place, 'app.ts'), source);
    await writeFile(
      join(place, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'ES2022',
          lib: ['ES2024'],
          types: ['node'],
          typeRoots: [join(ROOT, 'node_modules/@types')],
          emitDeclarationOnly: true,
          outDir: './out',
          // Of the two forms of a module, it allows the one that the file has.
          verbatimModuleSyntax: type === 'module',
          ...STRICTEST,
          ...options,
        },
        files: ['app.ts'],
      }),
    );
  }

  it.each(APPS.map(([name], index) => [name, index] as const))(
    'hold in an app of %s, and can be named in its own declarations',
    (_name, index) => {
      expect(errors.get(`app-${index}`)).toBeUndefined();
    },
  );

  it('allow undefined for whatever an app may leave out', () => {
    expect(names).toEqual(expect.arrayContaining(['RtcMessagingOptions', 'FaultRule', 'RedisQuotaOptions']));
    expect(names.length).toBeGreaterThan(25);
    expect(errors.get('undefineds')).toBeUndefined();
  });
});
