import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ID, isId } from '../../lib/dto/field-rules.js';
import { anyCharacter } from '../support/properties.js';

describe('an ID', () => {
  it('is legal as its pattern says, for any string', () => {
    const legal = fc.stringMatching(/^[a-zA-Z0-9@._-]{0,130}$/);
    const almost = fc
      .tuple(legal, fc.string({ unit: anyCharacter, maxLength: 2 }), legal)
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(legal, almost, fc.string({ unit: anyCharacter, maxLength: 4 })), (text) => {
        expect(isId(text)).toBe(ID.test(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['', false],
    ['a', true],
    ['a'.repeat(128), true],
    ['a'.repeat(129), false],
    ['a\n', false],
    [7, false],
  ])('that is %j is legal: %s', (value, expected) => {
    expect(isId(value)).toBe(expected);
  });
});
