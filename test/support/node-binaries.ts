/** A Node that the suites of `test/package` run apps with. */
export interface NodeBinary {
  readonly version: string;
  readonly path: string;
}

/** Whether everything is to be run, rather than what is worth its time in each `npm test`. */
export const FULL_MATRIX = process.env['COMPAT_NODES'] !== undefined;

/** This Node alone, unless the environment lists others (`npm run test:compat` does). */
export function nodeBinaries(): readonly NodeBinary[] {
  const listed = process.env['COMPAT_NODES'];
  if (listed === undefined) return [{ version: process.versions.node, path: process.execPath }];
  return JSON.parse(listed) as NodeBinary[];
}

/** Whether a version such as `24.3.0` comes before `major.minor`. */
export function isBefore(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor < major || (ownMajor === major && ownMinor < minor);
}
