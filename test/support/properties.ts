import fc from 'fast-check';

/** How often a property that takes long is tried; `PROPERTY_RUNS=10` tries it ten times as often. */
export function runs(count: number): number {
  return Math.ceil(count * Number(process.env['PROPERTY_RUNS'] ?? 1));
}

const codePoint = fc.oneof(
  fc.integer({ min: 0x20, max: 0x7e }),
  fc.integer({ min: 0, max: 0xff }),
  fc.integer({ min: 0x1_00, max: 0xd7_ff }),
  fc.integer({ min: 0xe0_00, max: 0xff_ff }),
  fc.integer({ min: 0x1_00_00, max: 0x10_ff_ff }),
);

/**
 * The unit of a string of any well-formed Unicode: of one to four bytes a character, control characters included.
 * fast-check's own unit for that, `binary`, fills each suite's heap with 100 MB of tables.
 */
export const anyCharacter: fc.Arbitrary<string> = codePoint.map(
  (code) => String.fromCodePoint(code),
  // Lets fast-check recognize, and so insert and shrink, strings like `__proto__`.
  (character) => {
    const code = typeof character === 'string' ? character.codePointAt(0) : undefined;
    if (code === undefined || String.fromCodePoint(code) !== character) throw new Error('not one character');
    return code;
  },
);

// The smallest counterexample is for whoever reads of it; to mutation testing, the first one says as much.
if (process.env['STRYKER_MUTATOR_WORKER'] !== undefined) fc.configureGlobal({ endOnFailure: true });
