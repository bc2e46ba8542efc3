import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { en } from '../../src/console/page/texts/en.js';
import { zh } from '../../src/console/page/texts/zh.js';

const PAGE = resolve(import.meta.dirname, '../../src/console/page');
const SOURCES = readdirSync(PAGE)
  .filter((name) => /\.(js|html)$/.test(name))
  .map((name) => readFileSync(join(PAGE, name), 'utf8'));

describe("the console's texts", () => {
  // That both languages have the same ones is checked by their types.
  it('have the same values to fill in, in both languages', () => {
    const values = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([value]) => value).sort();
    for (const [key, text] of Object.entries(en)) {
      expect([key, values(zh[key as keyof typeof en])]).toEqual([key, values(text)]);
    }
  });

  it('are all used', () => {
    const isUsed = (key: string): boolean =>
      SOURCES.some((source) => source.includes(`'${key}'`) || source.includes(`"${key}"`));
    const unused = Object.keys(en).filter((key) => !isUsed(key));
    expect(unused).toEqual([]);
  });

  it('are all Chinese in Chinese, but for names and examples', () => {
    const SAME = new Set([
      'signInField',
      'chosenOthersHint',
      'httpStatus',
      'otherLanguage',
      'otherLanguageLabel',
      'fanOutProgress',
    ]);
    for (const [key, text] of Object.entries(zh)) {
      if (!SAME.has(key)) expect([key, text]).toEqual([key, expect.stringMatching(/\p{Script=Han}/u)]);
    }
  });
});
