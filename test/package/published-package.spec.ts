import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { exec } from '../support/exec.js';
import { imagesIn, linksIn } from '../support/markdown.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** Optional peers that an entry's types may name: whoever imports it has them. All others may name none. */
const OPTIONAL_PEERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['./redis', ['ioredis']],
  ['./bullmq', ['@nestjs/bullmq', 'bullmq', 'ioredis']],
]);

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | { readonly import: string; readonly require: string }>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional: boolean }>>;
}

describe('the published package', () => {
  let manifest: Manifest;
  let folder: string;
  let tarball: string;
  let paths: readonly string[];
  beforeAll(async () => {
    manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as Manifest;
    folder = await mkdtemp(join(tmpdir(), 'rtc-package-'));
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
    const [{ filename }] = JSON.parse(await exec('npm', args, { cwd: ROOT })) as [{ filename: string }];
    tarball = join(folder, filename);
    paths = await publishedPaths(manifest.name);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds what is needed to use it, and nothing else', async () => {
    const other = paths.filter(
      (path) =>
        !/^dist\/(esm|cjs)\/.*\.([cm]?js|d\.[cm]?ts)$|^docs\/[\w-]+\.md$|^docs\/images\/[\w-]+\.(svg|webp)$/.test(
          path,
        ),
    );
    expect(other.sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'README_zh-CN.md',
      'SECURITY.md',
      'dist/cjs/package.json',
      'package.json',
    ]);
    expect(paths.filter((path) => /\b(?:spec|test)\b/.test(path))).toEqual([]);
  });

  it('has every file that its README and its other pages link to', async () => {
    const broken: string[] = [];
    let links = 0;
    for (const page of paths.filter((path) => path.endsWith('.md'))) {
      const text = await readFile(join(ROOT, page), 'utf8');
      for (const link of [...linksIn(text), ...imagesIn(text)]) {
        const [path = ''] = link.split('#');
        if (path === '' || /^https?:/.test(path)) continue;
        links += 1;
        if (!paths.includes(join(dirname(page), path))) broken.push(`${page}: ${link}`);
      }
    }
    expect(links).toBeGreaterThan(100);
    expect(broken).toEqual([]);
  });

  it('names no source map, since it has none', async () => {
    const naming: string[] = [];
    const code = paths.filter((path) => /\.(?:[cm]?js|d\.[cm]?ts)$/.test(path));
    expect(code.length).toBeGreaterThan(100);
    for (const path of code) {
      if ((await readFile(join(ROOT, path), 'utf8')).includes('sourceMappingURL')) naming.push(path);
    }
    expect(naming).toEqual([]);
  });

  it('is a package that publint finds nothing to say about', async () => {
    const publint = join(ROOT, 'node_modules/publint/src/cli.js');
    expect(await exec(process.execPath, [publint, 'run', tarball, '--strict'], { cwd: ROOT })).toContain(
      'All good!',
    );
  });

  it('has types that every kind of resolution finds, for ES modules and for CommonJS', async () => {
    const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
    const report = await exec(process.execPath, [attw, tarball, '--format', 'json'], { cwd: ROOT });
    const { analysis } = JSON.parse(report) as {
      analysis: {
        entrypoints: Record<string, { resolutions: Record<string, unknown> }>;
        problems: unknown[];
      };
    };
    expect(analysis.problems).toEqual([]);
    expect(Object.keys(analysis.entrypoints).sort()).toEqual(Object.keys(manifest.exports).sort());
    expect(Object.keys(analysis.entrypoints['.']?.resolutions ?? {})).toEqual([
      'node10',
      'node16-cjs',
      'node16-esm',
      'bundler',
    ]);
  });

  it('names no optional peer in the types of an entry that can be used without it', async () => {
    const optional = Object.entries(manifest.peerDependenciesMeta)
      .filter(([, meta]) => meta.optional)
      .map(([name]) => name);
    expect(optional).toContain('ioredis');
    for (const [entry, target] of Object.entries(manifest.exports)) {
      if (typeof target === 'string') continue;
      const allowed = OPTIONAL_PEERS.get(entry) ?? [];
      for (const code of [target.import, target.require]) {
        const file = code.replace(/\.js$/, '.d.ts');
        const { packages, files } = await readTypes(join(ROOT, file));
        const leaks = optional.filter((name) => packages.has(name) && !allowed.includes(name));
        expect({ entry, file, leaks }).toEqual({ entry, file, leaks: [] });
        // Else nothing was looked at.
        expect([file, files.size > 1]).toEqual([file, true]);
      }
    }
  });
});

/** What `npm publish` would publish. */
async function publishedPaths(name: string): Promise<string[]> {
  const args = ['publish', '--dry-run', '--json', '--ignore-scripts'];
  const report = JSON.parse(await exec('npm', args, { cwd: ROOT })) as Record<string, unknown>;
  // npm 11 puts the package's name before it.
  const { files } = (report[name] ?? report) as { files: { path: string }[] };
  return files.map(({ path }) => path);
}

const SPECIFIERS =
  /\b(?:from|import|module)\s+["']([^"']+)["']|\b(?:require|import)\(["']([^"']+)["']\)|<reference types=["']([^"']+)["']/g;

/** The declaration files that one leads to, and the packages that they name. */
async function readTypes(entry: string): Promise<{ files: Set<string>; packages: Set<string> }> {
  const files = new Set<string>();
  const packages = new Set<string>();
  const read = async (file: string): Promise<void> => {
    if (files.has(file)) return;
    files.add(file);
    for (const [, from, called, referenced] of (await readFile(file, 'utf8')).matchAll(SPECIFIERS)) {
      const specifier = from ?? called ?? referenced ?? '';
      if (specifier.startsWith('.')) {
        await read(join(dirname(file), specifier.replace(/(?:\.js)?$/, '.d.ts')));
      } else {
        packages.add(
          specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/'),
        );
      }
    }
  };
  await read(entry);
  return { files, packages };
}
