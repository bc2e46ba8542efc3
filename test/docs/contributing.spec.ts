import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { exec } from '../support/exec.js';
import { rejectionOf } from '../support/rejection.js';
import { snippetsIn } from '../support/markdown.js';

const ROOT = resolve(import.meta.dirname, '../..');
const SPEC = 'test/e2e/field-rules.spec.ts';
const RULES = 'lib/dto/field-rules.ts';
const MODEL = 'test/support/request-model.ts';
const PROPERTIES = 'validation-property';
const UNIT_PROPERTIES = `test/unit/${PROPERTIES}.spec.ts`;
const E2E_PROPERTIES = `test/e2e/${PROPERTIES}.spec.ts`;

interface Results {
  readonly message: string;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly status: string; readonly title: string }[];
  }[];
}

describe('the exercise in CONTRIBUTING.md', () => {
  let folder: string;
  let commands: string[] = [];
  let row = '';
  let problem = '';
  let modelled = '';

  beforeAll(async () => {
    const snippets = snippetsIn(await readFile(join(ROOT, 'CONTRIBUTING.md'), 'utf8'));
    commands = snippets.filter(({ language }) => language === 'sh').map(({ text }) => text.trim());
    [row = '', problem = '', modelled = ''] = snippets
      .filter(({ language }) => language === 'ts')
      .map((snippet) => snippet.text);
    folder = await mkdtemp(join(tmpdir(), 'rtc-exercise-'));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** What the exercise needs of the project. Whoever follows it has done so already, when this runs. */
  const copyProject = async (name: string, specs: readonly string[]): Promise<string> => {
    const project = join(folder, name);
    for (const part of ['lib', 'test/support', 'scripts/lua-module.mjs', ...specs]) {
      await mkdir(join(project, part, '..'), { recursive: true });
      await cp(join(ROOT, part), join(project, part), { recursive: true });
    }
    await edit(project, SPEC, (text) => without(text, row));
    await edit(project, RULES, (text) => without(text, problem));
    await edit(project, MODEL, (text) => without(text, modelled));
    return project;
  };
  const edit = async (project: string, path: string, change: (text: string) => string): Promise<void> => {
    const file = join(project, path);
    await writeFile(file, change(await readFile(file, 'utf8')));
  };
  const insert = (project: string, path: string, change: (text: string) => string): Promise<void> =>
    edit(project, path, (text) => {
      const changed = change(text);
      expect(changed).not.toBe(text);
      return changed;
    });

  /** Runs all tests of several projects at once, whether they pass or not. */
  const run = async (projects: readonly string[]): Promise<Results> => {
    await writeFile(
      join(folder, 'jest.config.mjs'),
      `import config from ${JSON.stringify(pathToFileURL(join(ROOT, 'jest.config.mjs')))};
      const { testMatch, extensionsToTreatAsEsm, transform, moduleNameMapper, setupFiles, testTimeout } = config;
      const project = { testMatch, extensionsToTreatAsEsm, transform, moduleNameMapper, setupFiles };
      const projects = ${JSON.stringify(projects)}.map((rootDir) => ({ ...project, rootDir }));
      export default { testTimeout, projects };`,
    );
    const output = join(folder, 'results.json');
    const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--runInBand', '--json'];
    const { message } = await rejectionOf(exec('node', [...jest, `--outputFile=${output}`], { cwd: folder }));
    return { ...(JSON.parse(await readFile(output, 'utf8')) as Results), message };
  };

  it('names commands that run its test and the properties', () => {
    expect(commands).toContain(`npm run jest -- ${SPEC}`);
    expect(commands).toContain(`npm run jest -- ${PROPERTIES}`);
  });

  it('has a test that fails first, and passes with the rule that it gives', async () => {
    // What the library takes is compared with the model at random; with a rule of one side alone, they differ.
    const before = await copyProject('before', [SPEC, UNIT_PROPERTIES]);
    const after = await copyProject('after', [SPEC, UNIT_PROPERTIES, E2E_PROPERTIES]);
    for (const project of [before, after]) {
      await insert(project, SPEC, (text) => text.replace(/^const BAD\b.*= \[\n/m, (head) => head + row));
      await insert(project, MODEL, (text) =>
        text.replace(/^function byteCount.*?(?=^ {2}try \{)/ms, (statements) => statements + modelled),
      );
    }
    await insert(after, RULES, (text) =>
      text.replace(
        /^export function messageProblem.*?(?=^ {2}return [^\n]*\n\})/ms,
        (statements) => statements + problem,
      ),
    );

    const inBefore = [SPEC, UNIT_PROPERTIES].map((path) => join(before, path));
    const inAfter = [SPEC, UNIT_PROPERTIES, E2E_PROPERTIES].map((path) => join(after, path));
    const { testResults, message } = await run([before, after]);
    const tests = testResults.flatMap(({ name, assertionResults }) =>
      assertionResults.map(({ status, title }) => ({ spec: name, status, title })),
    );
    // The message says why, should a suite not have run.
    expect([message, [...new Set(tests.map(({ spec }) => spec))].sort()]).toEqual([
      expect.anything(),
      [...inBefore, ...inAfter].sort(),
    ]);
    const failed = tests.filter(({ status }) => status !== 'passed');
    expect([...new Set(failed.map(({ spec }) => spec))].sort()).toEqual(inBefore.sort());
    const inSpec = failed.filter(({ spec }) => spec === join(before, SPEC));
    for (const { title } of inSpec) expect(title).toContain('a text of spaces');
  });
});

function without(text: string, line: string): string {
  return text
    .split('\n')
    .filter((other) => other.trim() !== line.trim())
    .join('\n');
}
