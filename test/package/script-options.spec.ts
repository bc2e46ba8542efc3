import { describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';

const ROOT = resolve(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(resolve(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
/** Those that hand what they are given to another program, or take nothing. */
const WITHOUT_OPTIONS = new Set(['test', 'build', 'prepack', 'prepublishOnly', 'preemulator', 'prestart']);
const WITH_OPTIONS = Object.entries(scripts).flatMap(([name, command]) => {
  const file = /^node (scripts\/[\w-]+\.mjs)$/.exec(command)?.[1];
  return file === undefined || WITHOUT_OPTIONS.has(name) ? [] : [[name, file] as const];
});

async function call(name: string, args: readonly string[]) {
  const file = WITH_OPTIONS.find((script) => script[0] === name)![1];
  const child = spawn(process.execPath, [file, ...args], {
    cwd: ROOT,
    env: { PATH: process.env['PATH'] },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [[code], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

describe('the options of npm scripts', () => {
  it.each(WITH_OPTIONS)('are listed by npm run %s -- --help', async (name) => {
    const { code, stdout, stderr } = await call(name, ['--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Usage: npm run ${name} -- \\[options\\]\n`));
  });

  it.each(WITH_OPTIONS)('are all that npm run %s takes, before it does anything', async (name) => {
    const { code, stdout, stderr } = await call(name, ['--sort-of']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^Unknown option '--sort-of'\n\nUsage: npm run ${name} `));
  });

  it.each<[string, string, string]>([
    ['test:crash', '--kills x', '--kills must be a whole number from 2 to 999999999, got "x"'],
    ['test:crash', '--kills=-1', '--kills must be a whole number from 2 to 999999999, got "-1"'],
    ['test:crash', '--recipients 0', '--recipients must be a whole number from 10000 to 999999999, got "0"'],
    ['test:faults', '--seed 1.5', '--seed must be a whole number from 0 to 999999999, got "1.5"'],
    ['test:faults', '--sends', "Option '--sends <value>' argument missing"],
    ['test:faults', '7', "Unexpected argument '7'"],
    ['test:compat', '--nodes 20,x', '--nodes must be versions such as 22 or 22.12.0, separated by commas'],
    ['demo', '--recipients 100000000', '--recipients must be a whole number from 1 to 99999999, got "1000'],
    ['demo:cluster', '--once=yes', "Option '--once' does not take an argument"],
    [
      'bench:fanout',
      '--only quick',
      '--only must be one of quiet, stall, delay30, delay100, cursor, far, memory, got "qui',
    ],
  ])('are checked: npm run %s -- %s', async (name, args, problem) => {
    const { code, stderr } = await call(name, args.split(' '));
    expect(code).toBe(2);
    expect(stderr.slice(0, problem.length)).toBe(problem);
  });

  it('have all their problems reported at once', async () => {
    const { stderr } = await call('test:crash', ['--kills', 'x', '--seed', 'y']);
    expect(stderr).toMatch(/^--kills must .*, got "x"\n--seed must .*, got "y"\n\n/);
  });
});
