import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';

/** A file of the console's page. */
export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const FOLDER = join(import.meta.dirname, 'page');

/** The chart library's files, from where it is installed. */
const UPLOT = dirname(createRequire(import.meta.url).resolve('uplot'));

/**
 * Every file that the page consists of, by the path that it is asked for. They are few and small, and one that is
 * not in the list can't be asked for.
 */
export function readPageFiles(): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
    const type = TYPES[extname(name)];
    if (type !== undefined) {
      files.set(name.replaceAll('\\', '/'), { type, body: readFileSync(join(FOLDER, name)) });
    }
  }
  for (const name of ['uPlot.esm.js', 'uPlot.min.css']) {
    files.set(`uplot/${name}`, { type: TYPES[extname(name)] ?? '', body: readFileSync(join(UPLOT, name)) });
  }
  return files;
}
