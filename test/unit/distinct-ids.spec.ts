import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DistinctIds, distinctIds } from '../../lib/dto/distinct-ids.js';

const MANY = 600;
const idsOf = (make: (index: number) => string): string[] =>
  Array.from({ length: MANY }, (_none, index) => make(index));

describe('distinct IDs', () => {
  it('are those of a Set, in its order, whatever the IDs', () => {
    // Few characters, so that there are duplicates and equal endings.
    const id = fc.stringMatching(/^[ab]{1,12}$/);
    fc.assert(
      fc.property(fc.array(id, { maxLength: MANY }), (ids) => {
        expect(distinctIds(ids)).toEqual([...new Set(ids)]);
      }),
    );
  });

  it.each<[string, (index: number) => string]>([
    ['end with a number', (index) => `user-${index}`],
    ['have the same ending', (index) => `${index}@a.long.domain.example`],
    ['differ only in the middle', (index) => `${'a'.repeat(60)}${index}${'b'.repeat(60)}`],
  ])('are found where they %s, each of them twice', (_how, make) => {
    const ids = idsOf(make);
    expect(distinctIds([...ids, ...ids])).toEqual(ids);
  });

  it('are forgotten when the list is cleared, also after many collisions', () => {
    const seen = new DistinctIds();
    const ids = idsOf((index) => `${index}@a.long.domain.example`);
    const added: string[] = [];
    const add = (id: string): boolean => seen.add(id, added) && added.push(id) > 0;
    expect(ids.every(add)).toBe(true);
    expect(ids.some(add)).toBe(false);
    seen.clear();
    added.length = 0;
    expect(ids.every(add)).toBe(true);
  });
});
