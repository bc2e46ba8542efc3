import { describe, expect, it } from '@jest/globals';
import { findCycle, importsOfFiles, importsOfFolders } from '../support/import-graph.js';

const graph = (imports: Record<string, string[]>) =>
  new Map(Object.entries(imports).map(([from, to]) => [from, new Set(to)]));

describe('imports under lib/', () => {
  const files = importsOfFiles('lib');
  const folders = importsOfFolders(files);

  it('are found, those of types too', () => {
    expect([...(files.get('retry/attempts.ts') ?? [])].sort()).toEqual([
      'errors/attempt.ts',
      'openapi/api-reply.ts',
      'openapi/http-attempt.ts',
      'quota/rate-limiter.ts',
      'retry/retry-decision.ts',
    ]);
    expect(folders.get('the top')).toContain('services');
    expect(folders.get('retry')).toContain('quota');
  });

  it('lead from no file back to itself', () => {
    expect(findCycle(files)).toBeUndefined();
  });

  it('lead from no folder back to itself', () => {
    expect(findCycle(folders)).toBeUndefined();
  });
});

describe('a cycle', () => {
  it('is found wherever it is', () => {
    expect(findCycle(graph({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toBeUndefined();
    expect(findCycle(graph({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] }))).toBe('b → c → d → b');
    expect(findCycle(graph({ a: [], b: ['b'] }))).toBe('b → b');
  });

  it('between folders needs none between files', () => {
    const files = graph({ 'x/a.ts': ['y/a.ts'], 'y/a.ts': [], 'y/b.ts': ['x/b.ts'], 'x/b.ts': [] });
    expect(findCycle(files)).toBeUndefined();
    expect(findCycle(importsOfFolders(files))).toBe('x → y → x');
  });
});
