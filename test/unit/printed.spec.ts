import { expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { leaksIn, SECRET } from '../support/printed.js';

class Held {
  get #own(): string {
    return SECRET;
  }
  get opened(): string {
    return this.#own;
  }
}
class Quiet {
  constructor(private readonly inner = { secret: SECRET }) {}
  toJSON(): string {
    return String(this.inner);
  }
  [inspect.custom](): string {
    return 'Quiet';
  }
}
const hidden = (key: PropertyKey): object =>
  Object.defineProperty({}, key, { value: SECRET, enumerable: false });

it.each<[string, unknown]>([
  ['a field', { a: { b: [SECRET] } }],
  ['a hidden field', hidden('secret')],
  ['a hidden field of a symbol', hidden(Symbol('secret'))],
  ['a getter of its own', Object.defineProperty({}, 'secret', { get: () => SECRET, enumerable: false })],
  ["a getter of its class's", [new Held()]],
  ['a prototype', Object.create({ secret: SECRET })],
  ['what it does not print by itself', new Quiet()],
  ['a map', new Map([[{}, { secret: SECRET }]])],
  ['a set', new Set([[SECRET]])],
  ['a property of a function', Object.assign(() => undefined, { secret: SECRET })],
  ['bytes', { body: Buffer.from(SECRET) }],
  ['the cause of an error', new Error('outer', { cause: new Error(SECRET) })],
  ['a promise', { asking: Promise.resolve({ secret: SECRET }) }],
  ['a proxy', new Proxy({ secret: SECRET }, { ownKeys: () => [], get: () => undefined })],
])('a secret is found in %s', async (_where, value) => {
  expect(await leaksIn({ value })).not.toEqual([]);
});

it('a secret is not found in a private field or a closure', async () => {
  const closure = (
    (secret) => () =>
      secret.length
  )(SECRET);
  class Private {
    readonly #secret = SECRET;
    open(): string {
      return this.#secret;
    }
  }
  expect(await leaksIn([closure, new Private()])).toEqual([]);
});
