import { describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from '../support/exec.js';
import { installWithout } from '../support/install-without.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** Prints the URL of every file that is imported, one a line. */
const RESOLVE_HOOK = `
  import { writeSync } from 'node:fs';
  export async function resolve(specifier, context, next) {
    const found = await next(specifier, context);
    writeSync(1, found.url + '\\n');
    return found;
  }
`;
const asUrl = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;
const REGISTER_HOOK = `import { register } from 'node:module'; register(${JSON.stringify(asUrl(RESOLVE_HOOK))});`;

/** What is imported by name, not by path. */
const IMPORTS =
  /\b(?:from|import)\s+["']([\w@][\w@./:-]*)["']|\b(?:require|import)\(["']([\w@][\w@./:-]*)["']\)/g;

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional: boolean }>;
}

const readManifest = async (): Promise<Manifest> =>
  JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;

describe('the built package', () => {
  const EXPORTS = [
    'BatchSendRoomUnicastDto',
    'InjectRoomBroadcast',
    'InjectRoomPresence',
    'InjectRoomUnicast',
    'InjectRtcHealth',
    'InjectRtcOpenApi',
    'InjectRtcTokens',
    'InjectUserUnicast',
    'RoomBroadcastDto',
    'RoomBroadcastService',
    'RoomPresenceService',
    'RoomUnicastService',
    'RtcAbortedError',
    'RtcApiError',
    'RtcConfigError',
    'RtcExceptionFilter',
    'RtcHealthIndicator',
    'RtcMessagingError',
    'RtcMessagingModule',
    'RtcMessagingTestingModule',
    'RtcNetworkError',
    'RtcOpenApiService',
    'RtcQuotaError',
    'RtcTimeoutError',
    'RtcTokenService',
    'RtcValidationError',
    'SendRoomUnicastDto',
    'UserUnicastDto',
    'UserUnicastService',
    'WithFrom',
    'getRoomBroadcastToken',
    'getRoomPresenceToken',
    'getRoomUnicastToken',
    'getRtcHealthToken',
    'getRtcOpenApiToken',
    'getRtcTokensToken',
    'getUserUnicastToken',
    'rtcMessagingConfig',
  ];

  it('loads as ES modules and as CommonJS, and exports the same', async () => {
    // With the name that each goes by, which Nest's messages show.
    const show =
      'console.log(JSON.stringify(Object.entries(library).map(([key, { name }]) => [key, name]).sort()))';
    const esm = await exec(
      'node',
      [
        '--input-type=module',
        '-e',
        `import 'reflect-metadata'; import * as library from 'nestjs-rtc-messaging'; ${show}`,
      ],
      { cwd: ROOT },
    );
    const cjs = await exec(
      'node',
      [
        '--input-type=commonjs',
        '-e',
        `require('reflect-metadata'); const library = require('nestjs-rtc-messaging'); ${show}`,
      ],
      { cwd: ROOT },
    );
    expect((JSON.parse(esm) as [string, string][]).map(([key]) => key)).toEqual(EXPORTS);
    expect(JSON.parse(cjs)).toEqual(JSON.parse(esm));
  });

  it.each(['es', 'cjs'] as const)(
    'can be bundled, with all entries, to a program of the form %s',
    async (format) => {
      const folder = await mkdtemp(join(tmpdir(), 'rtc-bundled-'));
      try {
        await installWithout([], folder);
        const entries = ['', '/emulator', '/redis', '/bullmq', '/receiver', '/callbacks', '/receipts'].map(
          (entry) => `nestjs-rtc-messaging${entry}`,
        );
        await writeFile(
          join(folder, 'app.mjs'),
          `import 'reflect-metadata';
         ${entries.map((name, index) => `import * as entry${index} from '${name}';`).join('\n')}
         console.log(${entries.map((_name, index) => `Object.keys(entry${index}).length`).join(' + ')});`,
        );
        const { dependencies, peerDependencies } = await readManifest();
        const installed = ['reflect-metadata', ...Object.keys({ ...dependencies, ...peerDependencies })];
        const names = `[name].${format === 'cjs' ? 'cjs' : 'mjs'}`;
        const args = [
          '--format',
          format,
          '--platform',
          'node',
          ...installed.flatMap((name) => ['--external', name]),
        ];
        args.push('--dir', join(folder, 'out'), '--entry-file-names', names, '--chunk-file-names', names);
        const bundler = join(ROOT, 'node_modules/rolldown/bin/cli.mjs');
        await exec('node', [bundler, 'app.mjs', ...args], { cwd: folder });
        const file = join(folder, 'out', names.replace('[name]', 'app'));
        expect(await readFile(file, 'utf8')).not.toMatch(/(?:from |require\()["']nestjs-rtc-messaging/);
        const count = Number(await exec('node', [file], { cwd: folder }));
        expect(count).toBeGreaterThan(EXPORTS.length);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );

  it('has a shared quota, as ES modules and as CommonJS', async () => {
    const show = 'console.log(JSON.stringify(Object.keys(library)))';
    const args = [
      ['--input-type=module', '-e', `import * as library from 'nestjs-rtc-messaging/redis'; ${show}`],
      ['--input-type=commonjs', '-e', `const library = require('nestjs-rtc-messaging/redis'); ${show}`],
    ];
    for (const each of args) {
      expect(JSON.parse(await exec('node', each, { cwd: ROOT }))).toEqual(['RedisQuota']);
    }
  });

  it('exports the same durable fan-out both ways', async () => {
    const show = 'console.log(JSON.stringify(Object.keys(library).sort()))';
    const name = 'nestjs-rtc-messaging/bullmq';
    const esm = `import 'reflect-metadata'; import * as library from '${name}'; ${show}`;
    const cjs = `require('reflect-metadata'); const library = require('${name}'); ${show}`;
    const names = [
      'DEFAULT_FAN_OUT_QUEUE',
      'FanOutEnqueueError',
      'FanOutHandle',
      'FanOutQueueService',
      'RtcFanOutQueueModule',
    ];
    for (const [type, code] of [
      ['module', esm],
      ['commonjs', cjs],
    ] as const) {
      const output = await exec('node', [`--input-type=${type}`, '-e', code], { cwd: ROOT });
      expect(JSON.parse(output)).toEqual(names);
    }
  });

  it.each([
    [
      'import',
      [
        '--import',
        asUrl(REGISTER_HOOK),
        '--input-type=module',
        '-e',
        "import 'reflect-metadata'; import 'nestjs-rtc-messaging'",
      ],
    ],
    [
      'require',
      [
        '--input-type=commonjs',
        '-e',
        "require('reflect-metadata'); require('nestjs-rtc-messaging'); console.log(Object.keys(require.cache).join('\\n'))",
      ],
    ],
  ])('with %s loads neither the emulator nor ws, nor any optional peer', async (_how, args) => {
    const loaded = (await exec('node', ['--no-warnings', ...args], { cwd: ROOT })).split('\n');
    const count = (pattern: RegExp): number => loaded.filter((path) => pattern.test(path)).length;
    expect(count(/\/node_modules\/axios\//)).toBeGreaterThan(0);
    expect(count(/\/node_modules\/(ws|commander)\//)).toBe(0);
    const own = loaded.map((path) => path.split(`${ROOT}/dist/`)[1] ?? '').filter((path) => path !== '');
    expect(own.filter((path) => /^\w+\/index\.js$/.test(path))).toHaveLength(1);
    expect(own.filter((path) => /\b(emulator|redis|bullmq|callbacks)\b/.test(path))).toEqual([]);
    const { peerDependenciesMeta } = await readManifest();
    const optional = Object.keys(peerDependenciesMeta);
    expect(optional.length).toBeGreaterThan(0);
    expect(optional.filter((name) => count(new RegExp(`/node_modules/${name}/`)) > 0)).toEqual([]);
  });

  it.each([
    ['the emulator', ['--input-type=module', '-e', "import 'nestjs-rtc-messaging/emulator'"]],
    ['the help of a command', [join(ROOT, 'dist/esm/command/cli.js'), 'send', '--help']],
    ['the help of the emulator', [join(ROOT, 'dist/esm/command/rtc-emulator.js'), '--help']],
  ])('loads nothing of Nest for %s', async (_what, args) => {
    const loaded = await exec('node', ['--no-warnings', '--import', asUrl(REGISTER_HOOK), ...args], {
      cwd: ROOT,
    });
    expect(loaded).toContain('/dist/esm/shared/common.js');
    expect(loaded).not.toMatch(/node_modules\/(@nestjs|axios|class-validator)\//);
  });

  it.each(['callbacks', 'receipts', 'redis'])(
    'loads with the entry %s, in either form, neither what sends, another entry, nor a package that it can do without',
    async (entry) => {
      const name = `nestjs-rtc-messaging/${entry}`;
      const ways = [
        ['--import', asUrl(REGISTER_HOOK), '--input-type=module', '-e', `import '${name}'`],
        [
          '--input-type=commonjs',
          '-e',
          `require('${name}'); console.log(Object.keys(require.cache).join('\\n'))`,
        ],
      ];
      const packages = ['axios', 'class-validator', 'class-transformer', '@nestjs/config', 'ws', 'bullmq'];
      if (entry !== 'redis') packages.push('ioredis');
      const others = ['emulator', 'bullmq', 'callbacks', 'receipts', 'redis'].filter((one) => one !== entry);
      for (const args of ways) {
        const loaded = await exec('node', ['--no-warnings', ...args], { cwd: ROOT });
        expect(loaded).toContain(`/${entry}/index.js`);
        expect(loaded).not.toMatch(new RegExp(`/node_modules/(${packages.join('|')})/`));
        expect(loaded).not.toMatch(
          new RegExp(`/dist/(esm|cjs)/((${others.join('|')})/|shared/library\\.js)`),
        );
      }
    },
  );

  it.each(['', '/emulator', '/redis', '/bullmq', '/callbacks', '/receiver', '/receipts'])(
    'lets a test of CommonJS replace whatever %s exports, as jest.spyOn() does',
    async (entry) => {
      const code = `require('reflect-metadata');
        const library = require('nestjs-rtc-messaging${entry}');
        const fixed = Object.entries(Object.getOwnPropertyDescriptors(library))
          .filter(([name, { configurable }]) => name !== '__esModule' && !configurable);
        console.log(JSON.stringify(fixed.map(([name]) => name)))`;
      const output = await exec('node', ['--no-warnings', '--input-type=commonjs', '-e', code], {
        cwd: ROOT,
      });
      expect(JSON.parse(output)).toEqual([]);
    },
  );

  it('runs as strict code in CommonJS too', async () => {
    const files = (await readdir(join(ROOT, 'dist/cjs'), { recursive: true })).filter((file) =>
      file.endsWith('.js'),
    );
    expect(files.length).toBeGreaterThan(7);
    for (const file of files)
      expect(await readFile(join(ROOT, 'dist/cjs', file), 'utf8')).toMatch(/^"use strict";\n/);
  });

  it('imports nothing that its manifest does not declare', async () => {
    const manifest = await readManifest();
    const declared = new Set([
      ...Object.keys(manifest.dependencies),
      ...Object.keys(manifest.peerDependencies),
    ]);
    const undeclared = new Set<string>();
    let imports = 0;
    for (const file of await readdir(join(ROOT, 'dist'), { recursive: true })) {
      if (!/\.([cm]?js|d\.[cm]?ts)$/.test(file)) continue;
      const text = await readFile(join(ROOT, 'dist', file), 'utf8');
      for (const [, imported, required] of text.matchAll(IMPORTS)) {
        const specifier = imported ?? required ?? '';
        imports += 1;
        const name = specifier
          .split('/')
          .slice(0, specifier.startsWith('@') ? 2 : 1)
          .join('/');
        if (!isBuiltin(specifier) && !declared.has(name)) undeclared.add(specifier);
      }
    }
    expect(imports).toBeGreaterThan(50);
    expect([...undeclared]).toEqual([]);
  });
});
