import { describe, expect, it } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { describeThrown, isError, kindOfThrown } from '../../lib/errors/thrown.js';

const hostile = {
  name: 'Error',
  get message(): string {
    throw new Error('of a getter');
  },
};

describe('a thrown value', () => {
  it.each<[string, unknown, boolean, string]>([
    ['an error', new TypeError('no'), true, 'TypeError'],
    ['an error of another realm', runInNewContext("new RangeError('no')"), true, 'RangeError'],
    ['an abort', new DOMException('no', 'AbortError'), true, 'AbortError'],
    [
      'an error that is named as a message is',
      Object.assign(new Error('no'), { name: 'SECRET key' }),
      true,
      'object',
    ],
    ['an object whose getter throws', hostile, false, 'Error'],
    ['a symbol', Symbol('no'), false, 'symbol'],
    ['a text', 'no', false, 'string'],
    ['null', null, false, 'object'],
    ['nothing', undefined, false, 'undefined'],
    ['an object', { message: 'no' }, false, 'object'],
  ])('is recognized: %s', (_what, thrown, is, kind) => {
    expect([isError(thrown), kindOfThrown(thrown)]).toEqual([is, kind]);
  });

  it.each<[string, () => object]>([
    [
      'a getter of the stack throws',
      () => ({
        get stack(): never {
          throw new Error('of a getter');
        },
      }),
    ],
    ['the stack is a number', () => ({ message: '5', stack: 5 })],
    ['the stack can not become a text', () => ({ stack: Object.create(null) as object })],
    [
      'the message can be read once',
      () => {
        let reads = 0;
        return {
          get message(): string {
            if (reads++ > 0) throw new Error('of a getter');
            return 'no';
          },
        };
      },
    ],
  ])('is described without throwing where %s', (_what, thrown) => {
    const error = Object.defineProperties(
      { name: 'Error', message: 'no' },
      Object.getOwnPropertyDescriptors(thrown()),
    );
    expect(describeThrown(error)).toBe('Error');
  });

  it('is described by its kind and its place, and not by its message', () => {
    expect(describeThrown(new TypeError('SECRET\n    at SECRET'))).toMatch(/^TypeError\n {4}at (?!.*SECRET)/);
    expect(describeThrown('SECRET')).toBe('string');
  });
});
