import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';

/** What each node imports. Every node is a key. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>;

/** Which of a folder's TypeScript files imports which, for its values or for its types alone. */
export function importsOfFiles(folder: string): ImportGraph {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?ts$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  const known = new Set(files);
  const name = (file: string): string => relative(folder, file).split(sep).join('/');
  return new Map(
    files.map((file) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
      const targets = importedFiles
        .filter(({ fileName }) => fileName.startsWith('.') && !fileName.endsWith('.lua.js'))
        .map(({ fileName }) => join(dirname(file), fileName.replace(/\.([cm]?)js$/, '.$1ts')));
      const lost = targets.filter((target) => !known.has(target));
      if (lost.length > 0) throw new Error(`${file} imports ${lost.join(', ')}, which is not there`);
      return [name(file), new Set(targets.map(name))];
    }),
  );
}

/** The same by folders. What is in none is one by itself, the top. */
export function importsOfFolders(files: ImportGraph): ImportGraph {
  const folders = new Map<string, Set<string>>();
  for (const [file, targets] of files) {
    const from = folderOf(file);
    const imports = folders.get(from) ?? new Set();
    folders.set(from, imports);
    for (const target of targets) if (folderOf(target) !== from) imports.add(folderOf(target));
  }
  return folders;
}

/** One way that leads back to where it began, `a → b → a`; undefined if there is none. */
export function findCycle(graph: ImportGraph): string | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (node: string): string | undefined => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node].join(' → ');
    if (done.has(node)) return undefined;
    way.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    way.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function folderOf(file: string): string {
  const slash = file.lastIndexOf('/');
  return slash === -1 ? 'the top' : file.slice(0, slash);
}
