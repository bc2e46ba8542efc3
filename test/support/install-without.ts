import { cp, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** The built package in a folder from which everything that is installed here can be found, but for some. */
export async function installWithout(left: readonly string[], folder: string): Promise<void> {
  const installed = join(ROOT, 'node_modules');
  const target = join(folder, 'node_modules');
  const own = join(target, 'nestjs-rtc-messaging');
  await mkdir(own, { recursive: true });
  await cp(join(ROOT, 'dist'), join(own, 'dist'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(own, 'package.json'));
  for (const name of await readdir(installed)) {
    if (name.startsWith('.') || name === 'nestjs-rtc-messaging') continue;
    if (!name.startsWith('@')) await symlink(join(installed, name), join(target, name));
    else {
      await mkdir(join(target, name));
      for (const scoped of await readdir(join(installed, name))) {
        await symlink(join(installed, name, scoped), join(target, name, scoped));
      }
    }
  }
  for (const name of left) await rm(join(target, name), { force: true });
}
