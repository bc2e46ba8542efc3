import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';

const FILES = readdirSync('lib', { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.lua'),
);

it('the scripts for Redis are found', () => {
  expect(FILES).toContain('redis/take-permits.lua');
  expect(FILES.length).toBeGreaterThan(10);
});

describe.each(FILES)('the head of %s', (name) => {
  const lines = readFileSync(`lib/${name}`, 'utf8').split('\n');
  const head = lines.slice(
    0,
    lines.findIndex((line) => !line.startsWith('--')),
  );
  const body = lines.slice(head.length).join('\n');
  /** The numbers that are explained after a word: `ARGV   1   process`, and those below it. */
  const explained = (word: 'KEYS' | 'ARGV'): number[] => {
    const from = head.findIndex((line) => line.startsWith(`-- ${word} `));
    const rest = from === -1 ? [] : head.slice(from);
    const end = rest.findIndex((line, index) => index > 0 && /^--( [A-Z]|$)/.test(line));
    return rest
      .slice(0, end === -1 ? undefined : end)
      .flatMap((line) => /^-- (?:KEYS|ARGV|    ) {3}(\d+)/.exec(line)?.[1] ?? [])
      .map(Number);
  };

  it('says what the script does, and what it answers', () => {
    expect(head[0]).toMatch(/^-- [A-Z].*/);
    if (!/(shared|existing)\.lua$/.test(name))
      expect(head.some((line) => line.startsWith('-- Answer '))).toBe(true);
  });

  it('numbers each argument that the script reads', () => {
    const read = [...body.matchAll(/ARGV\[(\d+)\]/g)].map(([, number]) => Number(number));
    expect(explained('ARGV')).toEqual(expect.arrayContaining(read));
    expect(explained('ARGV')).toEqual(explained('ARGV').map((_n, index) => index + 1));
  });

  it('numbers each key that the script names', () => {
    const named = /^local ([\w, ]+) = (?:unpack\(KEYS\)|KEYS\[1\](?:, KEYS\[\d\])*)$/m.exec(body)?.[1];
    expect(explained('KEYS')).toHaveLength(named?.split(',').length ?? 0);
  });
});
