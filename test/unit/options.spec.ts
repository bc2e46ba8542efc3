import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { RtcValidationError } from '../../lib/errors/rtc-validation.error.js';
import { checkCallOptions } from '../../lib/options/check-call-options.js';
import { describeOptions, type OptionTable } from '../../lib/options/option-table.js';
import { readOptions } from '../../lib/options/read-options.js';
import { Redacted } from '../../lib/privacy/redacted.js';
import {
  abortSignal,
  callback,
  flag,
  list,
  listOf,
  milliseconds,
  oneOf,
  type Rule,
  share,
  text,
  wholeNumber,
} from '../../lib/options/rules.js';

/** Undefined when nothing is thrown. */
function issuesOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(RtcValidationError);
    return (error as RtcValidationError).issues;
  }
}

const throwing = new Proxy(
  {},
  {
    get() {
      throw new Error('no');
    },
  },
);

describe('a rule', () => {
  const signal = new AbortController().signal;
  it.each<[string, Rule<unknown>, readonly unknown[], readonly unknown[]]>([
    [
      'must be a whole number of milliseconds from 1 to 9',
      milliseconds(1, 9),
      [1, 9],
      [0, 10, 1.5, '1', Number.NaN],
    ],
    ['must be a whole number from 1 to 9', wholeNumber(1, 9), [1, 9], [0, 10, 1.5, '1', null, [5]]],
    ['must be a whole number from 0', wholeNumber(0), [0, 1, 2 ** 53 - 1], [-1, 0.5, 2 ** 53, '0', Infinity]],
    [
      'must be a whole number from 1, or Infinity',
      wholeNumber(1, Infinity),
      [1, Infinity],
      [0, -Infinity, 1.5, 'Infinity', Number.NaN],
    ],
    ['must be a number above 0, up to 1', share, [0.01, 1], [0, 1.1, '1', Number.NaN, null]],
    ['must be a or b', oneOf('a', 'b'), ['a', 'b'], ['c', '', 0, ['a']]],
    ['must be true or false', flag, [true, false], [0, 'true', null]],
    ['must be a function', callback(), [() => undefined], [{}, 'f']],
    ['must be letters', text(/^[a-z]+$/, 'must be letters'), ['a'], ['', 'A']],
    ['must be a string, got a number', text(/./, 'must be letters'), ['a'], [7]],
    ['must be numbers', listOf('numbers', Number.isFinite), [[], [1]], [1, null, ['1'], {}]],
    [
      'must be an AbortSignal',
      abortSignal,
      [signal, { aborted: false, addEventListener: () => 1, removeEventListener: () => 1 }],
      [
        null,
        {},
        throwing,
        { aborted: 'no', addEventListener: () => 1, removeEventListener: () => 1 },
        { aborted: false, addEventListener: 1, removeEventListener: () => 1 },
        { aborted: false, addEventListener: () => 1, removeEventListener: 1 },
      ],
    ],
  ])('that %s', (words, rule, good, bad) => {
    for (const value of [undefined, ...good])
      expect(issuesOf(() => checkCallOptions({ value: rule }, { value }))).toBeUndefined();
    for (const value of bad) {
      expect(issuesOf(() => checkCallOptions({ value: rule }, { value }))).toEqual([
        { path: 'options.value', message: expect.stringMatching(new RegExp(`^${words}(, got |$)`)) },
      ]);
    }
  });

  it('shows numbers and the kind of everything else, and quotes no text', () => {
    const number = wholeNumber(1, 9);
    const problemsOf = (value: unknown): unknown => {
      const [issue] = issuesOf(() => checkCallOptions({ number }, { number: value })) as {
        message: string;
      }[];
      return issue?.message.replace(/^.*got /, '');
    };
    expect(problemsOf(0)).toBe('0');
    expect(problemsOf('secret')).toBe('a string');
    expect(problemsOf({})).toBe('an object');
    expect(problemsOf([])).toBe('an array');
    expect(problemsOf(null)).toBe('null');
    const { problems } = readOptions({ number }, {}, '', { environment: { number: 'secret' } });
    expect(problems).toMatchObject([
      { message: 'must be a whole number from 1 to 9, got text that is no number' },
    ]);
  });

  const rule = list('numbers', wholeNumber(1, 9), 3, 1);

  it('of a list takes a copy of what was checked, once', () => {
    let reads = 0;
    const changing = new Proxy([1, 2, 3], {
      get: (items, name) => (name === '1' ? ++reads : items[name as never]),
    });
    expect(rule(changing)).toEqual({ value: [1, 1, 3] });
    expect(rule([1])).toEqual({ value: [1] });
    expect(rule('1,2,3', true)).toMatchObject({ problems: [{}] });
    expect(list('words', text(/^[a-z]$/, 'must be a letter'))('a,b', true)).toEqual({ value: ['a', 'b'] });
  });

  it.each<[string, unknown, boolean, { option: string; message: string }[]]>([
    ['a number', 7, false, [{ option: '', message: 'must be a list of numbers, got a number' }]],
    [
      'an object like one',
      { length: 1 },
      false,
      [{ option: '', message: 'must be a list of numbers, got an object' }],
    ],
    ['one without items', [], false, [{ option: '', message: 'must have 1–3 entries, got 0' }]],
    [
      'one with too many',
      Array(2e7),
      false,
      [{ option: '', message: 'must have 1–3 entries, got 20000000' }],
    ],
    [
      'one without a length',
      new Proxy([], { get: () => Number.NaN }),
      false,
      [{ option: '', message: 'must have 1–3 entries, got NaN' }],
    ],
    [
      'wrong items, each with its place,',
      [1, 12, 0],
      false,
      [
        { option: '[1]', message: 'must be a whole number from 1 to 9, got 12' },
        { option: '[2]', message: 'must be a whole number from 1 to 9, got 0' },
      ],
    ],
    [
      'a variable with a wrong part',
      '5',
      true,
      [{ option: '', message: 'must be a whole number from 1 to 9, got a string' }],
    ],
  ])('of a list refuses %s', (_what, given, isVariable, problems) => {
    expect(rule(given, isVariable)).toEqual({ problems });
  });
});

interface Sample {
  readonly limit?: number | undefined;
  readonly isOn?: boolean | undefined;
  readonly inner?: { readonly mode?: 'a' | 'b' | undefined } | undefined;
  readonly pair?: object | undefined;
}

const pair: Rule<object> = (given) => {
  const missing = ['left', 'right'].filter(
    (option) => (given as Record<string, unknown>)[option] === undefined,
  );
  return missing.length === 0
    ? { value: given as object }
    : { problems: missing.map((option) => ({ option, message: 'is missing' })) };
};

const TABLE = {
  limit: { rule: wholeNumber(1, 9), variable: 'LIMIT', default: 5 },
  isOn: { rule: flag, variable: 'IS_ON', required: true },
  inner: { options: { mode: { rule: oneOf('a', 'b'), variable: 'MODE', default: 'a' } } },
  pair: { rule: pair, variable: { left: 'LEFT', right: 'RIGHT' }, redacted: true, ofAccount: true },
} satisfies OptionTable<Sample>;

describe('a table of options', () => {
  const whole = { left: '1', right: '2' };
  it('has a row for each member of the interface, of its type, and no other', () => {
    // @ts-expect-error A member has no row.
    void ({ limit: wholeNumber(1) } satisfies OptionTable<Pick<Sample, 'limit' | 'isOn'>>);
    // @ts-expect-error A row is of no member.
    void ({ limit: wholeNumber(1), more: flag } satisfies OptionTable<Pick<Sample, 'limit'>>);
    // @ts-expect-error A rule is for something else.
    void ({ limit: flag } satisfies OptionTable<Pick<Sample, 'limit'>>);
    // @ts-expect-error A default is something else.
    void ({ limit: { rule: wholeNumber(1), default: '1' } } satisfies OptionTable<Pick<Sample, 'limit'>>);
    // @ts-expect-error A member within a member has no row.
    void ({ inner: { options: {} } } satisfies OptionTable<Pick<Sample, 'inner'>>);
    expect(Object.keys(TABLE)).toEqual(['limit', 'isOn', 'inner', 'pair']);
  });

  it('gives what was given, else what the environment has, else the default', () => {
    const environment = { limit: '7', isOn: '0', 'inner.mode': 'b', 'pair.left': '1', 'pair.right': '2' };
    expect(readOptions(TABLE, { limit: 3, isOn: true, pair: whole }).values).toEqual({
      limit: 3,
      isOn: true,
      inner: { mode: 'a' },
      pair: new Redacted(whole, 'pair'),
    });
    const read = readOptions(TABLE, { limit: undefined }, '', { environment });
    expect(read).toEqual({
      values: { limit: 7, isOn: false, inner: { mode: 'b' }, pair: new Redacted(whole, 'pair') },
      problems: [],
    });
    expect(
      readOptions(TABLE, { isOn: true, limit: 2, inner: { mode: 'a' } }, '', { environment }).values,
    ).toEqual({
      limit: 2,
      isOn: true,
      inner: { mode: 'a' },
      pair: new Redacted(whole, 'pair'),
    });
  });

  it('names each problem with its path and its variable, all at once', () => {
    const { problems } = readOptions(TABLE, {
      limit: '3',
      inner: { mode: 'c', mood: 1 },
      pair: { left: '1' },
    });
    expect(problems).toEqual([
      { option: 'limit', variable: 'LIMIT', message: 'must be a whole number from 1 to 9, got a string' },
      { option: 'isOn', variable: 'IS_ON', message: 'is missing' },
      { option: 'inner.mood', message: 'is not an option; there are mode' },
      { option: 'inner.mode', variable: 'MODE', message: 'must be a or b' },
      { option: 'pair.right', variable: 'RIGHT', message: 'is missing' },
    ]);
  });

  it("hides what is redacted, and refuses undefined for an account's options where there are several accounts", () => {
    const { pair: hidden } = readOptions(TABLE, { isOn: true, pair: whole }).values;
    expect(inspect(hidden, { depth: 9, showHidden: true })).not.toContain('left');
    expect(hidden?.open()).toBe(whole);
    const environment = { 'pair.left': '1', 'pair.right': '2', limit: '3' };
    const given = { isOn: true, limit: undefined, pair: undefined };
    expect(readOptions(TABLE, given, '', { environment }).problems).toEqual([]);
    expect(readOptions(TABLE, given, '', { environment, noUndefined: 'is undefined' }).problems).toEqual([
      { option: 'pair', message: 'is undefined' },
    ]);
    expect(
      readOptions(TABLE, { isOn: true }, '', { environment, noUndefined: 'is undefined' }).problems,
    ).toEqual([]);
  });

  it.each([null, undefined, 'text', 7, []])('does not read %j', (given) => {
    expect(readOptions(TABLE, given).problems).toContainEqual({
      option: 'options',
      message: expect.stringContaining('must be an object, got '),
    });
  });

  it('does not read options that throw, at any depth', () => {
    const unreadable = "can't be read: a getter or a proxy of it throws";
    const keys = new Proxy({}, { ownKeys: () => throwing as never });
    expect(readOptions(TABLE, keys).problems).toContainEqual({ option: 'options', message: unreadable });
    const inner = Object.defineProperty({}, 'mode', {
      enumerable: true,
      get() {
        throw new Error('secret');
      },
    });
    expect(readOptions(TABLE, { isOn: true, inner, pair: whole }, 'Some').problems).toEqual([
      { option: 'Some.inner', message: unreadable },
    ]);
  });

  it('reads each property once, also those of a class, and none of a changed Object.prototype', () => {
    let reads = 0;
    class Given {
      readonly isOn = true;
      get limit(): number {
        reads += 1;
        return reads;
      }
    }
    const added = {
      pair: whole,
      path: 'x',
      options: {},
      default: 1,
      variable: 'X',
      required: true,
      names: ['limit'],
    };
    Object.assign(Object.prototype, added);
    try {
      expect(readOptions(TABLE, new Given()).values).toMatchObject({ limit: 1, isOn: true, pair: undefined });
    } finally {
      for (const name of Object.keys(added)) Reflect.deleteProperty(Object.prototype, name);
    }
    expect(reads).toBe(1);
  });

  it.each([
    ['limits', 'did you mean limit?'],
    ['LIMIT', 'did you mean limit?'],
    ['limt', 'did you mean limit?'],
    ['lmiit', 'did you mean limit?'],
    ['lomit', 'did you mean limit?'],
    ['on', 'there are limit, isOn, inner, pair'],
    ['constructor', 'there are limit, isOn, inner, pair'],
    ['__proto__', 'there are limit, isOn, inner, pair'],
  ])('refuses %s: %s', (name, words) => {
    const given = JSON.parse(`{"isOn":true,"pair":{"left":1,"right":2},"${name}":1}`) as object;
    expect(readOptions(TABLE, given).problems).toEqual([
      { option: name, message: `is not an option; ${words}` },
    ]);
  });

  it('shortens a name that would forge lines of a log', () => {
    const { problems } = readOptions({}, { [`a\nERROR ${'x'.repeat(100)}`]: 1 });
    expect(problems).toMatchObject([{ option: expect.stringMatching(/^a\?ERROR x{32}…$/) }]);
  });

  it('has the documented default and variable of each option', () => {
    expect(describeOptions(TABLE)).toEqual([
      { option: 'limit', variable: 'LIMIT', default: 5, required: false, redacted: false },
      { option: 'isOn', variable: 'IS_ON', default: undefined, required: true, redacted: false },
      { option: 'inner.mode', variable: 'MODE', default: 'a', required: false, redacted: false },
      { option: 'pair.left', variable: 'LEFT', default: undefined, required: undefined, redacted: true },
      { option: 'pair.right', variable: 'RIGHT', default: undefined, required: undefined, redacted: true },
    ]);
  });
});

describe('the check of the options of a call', () => {
  it('refuses unknown options, whatever their names, and what is no object', () => {
    for (const name of ['other', 'constructor', 'toString'])
      expect(issuesOf(() => checkCallOptions({ value: flag }, { [name]: 1 }))).toEqual([
        { path: `options.${name}`, message: 'is not an option; there are value' },
      ]);
    for (const options of [null, undefined, 'text', []])
      expect(issuesOf(() => checkCallOptions({}, options))).toEqual([
        { path: 'options', message: expect.stringContaining('must be an object') },
      ]);
  });
});
