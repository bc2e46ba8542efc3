import { exec } from './exec.js';

/**
 * Compiles apps in folders below one, each by its `tsconfig.json`, in a single process: a compiler that has warmed up
 * takes half the time.
 * @param tsc the compiler's script
 * @returns the errors of each app that has some
 */
export async function compileApps(
  folder: string,
  apps: readonly string[],
  tsc: string,
): Promise<Map<string, string[]>> {
  const errors = new Map<string, string[]>();
  const args = [tsc, '--build', ...apps, '--pretty', 'false'];
  const failure = await exec(process.execPath, args, { cwd: folder }).then(
    () => undefined,
    (error: Error) => error,
  );
  if (failure === undefined) return errors;
  for (const line of failure.message.split('\n').filter((text) => text.includes('error TS'))) {
    const app = apps.find((name) => line.startsWith(`${name}/`));
    // What is not of one app's file is everyone's.
    for (const name of app === undefined ? apps : [app])
      errors.set(name, [...(errors.get(name) ?? []), line]);
  }
  if (errors.size === 0) throw failure;
  return errors;
}
