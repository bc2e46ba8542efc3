import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exec } from '../support/exec.js';
import { rejectionOf } from '../support/rejection.js';

const ROOT = resolve(import.meta.dirname, '../..');

let folder: string;
const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
const versionIn = (manifest: string): string => (JSON.parse(manifest) as { version: string }).version;

/** What a release changes, in a folder of its own, where no other change waits. */
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rtc-release-'));
  for (const name of [
    '.changeset/config.json',
    'package.json',
    'sample/02-console/package.json',
    'CHANGELOG.md',
    '.prettierrc.json',
    'scripts/check-publishable.mjs',
  ]) {
    await cp(join(ROOT, name), join(folder, name), { recursive: true });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  await exec('git', ['init', '--quiet'], { cwd: folder });
});
afterEach(() => rm(folder, { recursive: true }));

it('a changeset raises the version and heads the changelog', async () => {
  const [major = 0, minor = 0] = versionIn(await read('package.json'))
    .split('.')
    .map(Number);
  await writeFile(
    join(folder, '.changeset/brave-bids-ring.md'),
    "---\n'nestjs-rtc-messaging': minor\n---\n\nBids ring.\n",
  );
  await exec('npm', ['run', 'release:version'], { cwd: folder });

  const version = `${major}.${minor + 1}.0`;
  expect(versionIn(await read('package.json'))).toBe(version);
  const changelog = await read('CHANGELOG.md');
  expect(changelog).toContain(`## ${version}\n\n### Minor Changes\n\n- Bids ring.\n\n## `);
});

it('the version has a section in the changelog', async () => {
  const version = versionIn(await read('package.json'));
  expect((await read('CHANGELOG.md')).split('\n')).toContain(`## ${version}`);
});

describe('publishing', () => {
  const LINKS = {
    repository: { type: 'git', url: 'git+https://git.example.com/it.git' },
    homepage: 'https://example.com',
    bugs: { url: 'https://example.com/bugs' },
  };
  /** As npm runs it before `npm publish`, and so before `changeset publish`. Nothing is published. */
  const prepare = async (links: object): Promise<string> => {
    const manifest = { ...(JSON.parse(await read('package.json')) as object), ...links };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    return exec('npm', ['run', 'prepublishOnly'], { cwd: folder });
  };

  it.each([
    [{}, 'repository, homepage, bugs'],
    [{ ...LINKS, repository: undefined }, 'repository'],
    [{ ...LINKS, homepage: ' ' }, 'homepage'],
    [{ ...LINKS, bugs: {} }, 'bugs'],
    [{ ...LINKS, bugs: null }, 'bugs'],
  ])('is refused with the links %j, and names those that are missing', async (links, missing) => {
    const { message } = await rejectionOf<Error>(prepare(links));
    expect(message).toContain(`package.json can't be published without: ${missing}\n`);
  });

  it.each([
    LINKS,
    { repository: 'a/b', homepage: 'https://example.com', bugs: { email: 'bugs@example.com' } },
  ])('goes on with the links %j', async (links) => {
    await expect(prepare(links)).resolves.toBeDefined();
  });
});
