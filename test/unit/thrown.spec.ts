import { describe, expect, it } from '@jest/globals';
import { runInNewContext } from 'node:vm';
import { isError, kindOfThrown } from '../../lib/errors/thrown.js';

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
});
