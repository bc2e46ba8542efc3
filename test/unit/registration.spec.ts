import { describe, expect, it } from '@jest/globals';
import { conflictProblems } from '../../lib/config/module-conflicts.js';
import { readExtras } from '../../lib/config/registration.js';

describe('what stands beside the options of a module', () => {
  it.each<[string | undefined, boolean | undefined]>([
    [undefined, undefined],
    ['a', true],
    ['A.b_c-9', false],
    ['x'.repeat(64), undefined],
  ])('is a name such as %p and isGlobal of %p', (name, isGlobal) => {
    expect(readExtras({ name, isGlobal })).toEqual({ name, isGlobal: isGlobal === true, problems: [] });
  });

  it.each<[unknown, string | undefined, string]>([
    ['', '', 'must be 1–64 of a-z A-Z 0-9 . _ -'],
    ['x'.repeat(65), 'x'.repeat(65), 'must be 1–64 of a-z A-Z 0-9 . _ -'],
    ['a b', 'a b', 'must be 1–64 of a-z A-Z 0-9 . _ -'],
    ['default', 'default', '"default" is what the module without a name is called'],
    [null, undefined, 'must be 1–64 of a-z A-Z 0-9 . _ -'],
    [Symbol('a'), undefined, 'must be 1–64 of a-z A-Z 0-9 . _ -'],
    [new String('a'), undefined, 'must be 1–64 of a-z A-Z 0-9 . _ -'],
  ])('is not the name %p', (name, kept, message) => {
    const read = readExtras({ name }, 'AModule');
    expect(read).toEqual({ name: kept, isGlobal: false, problems: [{ option: 'AModule.name', message }] });
  });

  it.each([null, 'true', 1, {}])('is not isGlobal of %p', (isGlobal) => {
    expect(readExtras({ isGlobal })).toEqual({
      name: undefined,
      isGlobal: false,
      problems: [{ option: 'isGlobal', message: 'must be true or false' }],
    });
  });
});

describe('two modules of an app', () => {
  const first = { name: 'a', routes: ['/x/one', '/x/two'] };

  it('are no conflict with other names and other routes', () => {
    expect(conflictProblems({ name: 'b', routes: ['/y/one'] }, [first])).toEqual([]);
    expect(conflictProblems({ name: undefined }, [{ name: undefined }])).toEqual([]);
  });

  it('may have neither a name nor a route in common', () => {
    expect(conflictProblems({ name: 'a', routes: ['/x/two', '/y/one', '/x/one'] }, [first])).toEqual([
      { option: 'name', message: '"a" is the name of another module too' },
      {
        option: 'controller.path',
        message: 'is that of another module too (POST /x/two, POST /x/one); give each a path of its own',
      },
    ]);
  });
});
