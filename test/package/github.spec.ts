import { describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../..');
const WORKFLOWS = '.github/workflows';
const FORMS = '.github/ISSUE_TEMPLATE';

interface Workflow {
  readonly jobs: Record<
    string,
    {
      readonly strategy: { readonly matrix: Record<string, readonly (string | number)[]> };
      readonly steps: readonly { readonly run?: string }[];
    }
  >;
}
interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: { readonly label?: string; readonly value?: string };
  }[];
}

const readYaml = async <T>(path: string): Promise<T> => parse(await readFile(join(ROOT, path), 'utf8')) as T;
const { scripts } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const [workflows, forms] = await Promise.all([readdir(join(ROOT, WORKFLOWS)), readdir(join(ROOT, FORMS))]);

describe.each(workflows)('the workflow %s', (name) => {
  it('runs scripts that the project has, on Node 20, 22 and 24', async () => {
    const { jobs } = await readYaml<Workflow>(`${WORKFLOWS}/${name}`);
    const commands: string[] = [];
    for (const { strategy, steps } of Object.values(jobs)) {
      const texts = steps.flatMap(({ run = [] }) => run);
      const { script = [], node } = strategy.matrix;
      commands.push(...texts, ...script.map((value) => `npm run ${value}`));
      if (node !== undefined) {
        const majors = node
          .join()
          .split(',')
          .map((version) => version.split('.')[0]);
        expect(new Set(majors)).toEqual(new Set(['20', '22', '24']));
      }
    }
    const named = commands.flatMap((command) => /^npm run (?!\$)([\w:]+)/.exec(command)?.[1] ?? []);
    for (const script of named) expect(Object.keys(scripts)).toContain(script);
    expect([...named, ...commands.filter((command) => command === '.ci/run')].length).toBeGreaterThan(0);
  });
});

describe.each(forms.filter((name) => name !== 'config.yml'))('the issue form %s', (name) => {
  it('asks each question once, under a label', async () => {
    const { body, ...head } = await readYaml<Form>(`${FORMS}/${name}`);
    expect(head).toEqual({ name: expect.any(String), description: expect.any(String) });
    const questions = body.filter(({ type }) => type !== 'markdown');
    expect(questions.length).toBeGreaterThan(2);
    expect(new Set(questions.map(({ id }) => id)).size).toBe(questions.length);
    for (const { type, attributes } of questions) {
      expect(['input', 'textarea']).toContain(type);
      expect(attributes.label).toEqual(expect.any(String));
    }
  });
});
