import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { emphasisLeftOpenIn, headingsIn, linksIn, snippetsIn, tablesIn } from '../support/markdown.js';

const ROOT = resolve(import.meta.dirname, '../..');

const english = await readFile(join(ROOT, 'README.md'), 'utf8');
const chinese = await readFile(join(ROOT, 'README_zh-CN.md'), 'utf8');

describe('the Chinese README', () => {
  it('has the code of the English one, in the same order', () => {
    const snippets = snippetsIn(chinese);
    expect(snippets.length).toBeGreaterThan(10);
    expect(snippets).toEqual(snippetsIn(english));
  });

  it('has the sections of the English one', () => {
    const levels = (markdown: string): number[] => headingsIn(markdown).map(({ level }) => level);
    expect(levels(chinese).length).toBeGreaterThan(10);
    expect(levels(chinese)).toEqual(levels(english));
  });

  it('has the tables of the English one, with rows about the same', () => {
    const subjects = (markdown: string): string[][][] =>
      tablesIn(markdown).map((rows) => rows.map(([first = '']) => codeIn(first)));
    expect(subjects(chinese).length).toBeGreaterThan(3);
    expect(subjects(chinese).flat().length).toBeGreaterThan(20);
    expect(subjects(chinese)).toEqual(subjects(english));
    const widths = (markdown: string): number[][] =>
      tablesIn(markdown).map((rows) => rows.map((cells) => cells.length));
    expect(widths(chinese)).toEqual(widths(english));
  });

  it('gives every option the variables and the value of the English one', () => {
    // What stands in words, such as "required", is translated.
    const values = (markdown: string): string[][][] =>
      tablesIn(markdown)
        .filter((rows) => /RTC_APP_ID/.test(rows.flat().join()))
        .map((rows) =>
          rows.map(([option = '', variable = '', value = '']) => codeIn(option + variable + value)),
        );
    expect(values(chinese)).toHaveLength(1);
    expect(values(chinese)).toEqual(values(english));
  });

  it('leads to the same pages, in the same order', () => {
    const pages = (markdown: string): string[] =>
      linksIn(markdown)
        .filter((link) => !link.startsWith('README'))
        // Anchors are made of the headings, which are translated.
        .map((link) => link.replace(/^#.*/, '#'));
    expect(pages(chinese)).toEqual(pages(english));
  });

  it('and the English one link to each other under their titles', () => {
    expect(english.split('\n')[2]).toBe('[中文](README_zh-CN.md)');
    expect(chinese.split('\n')[2]).toBe('[English](README.md)');
  });

  it('closes its emphasis where Markdown sees that it does', () => {
    expect(emphasisLeftOpenIn('**不是这样。**下一句')).toEqual(['**不是这样。**下']);
    expect(emphasisLeftOpenIn('**是这样**。下一句')).toEqual([]);
    expect(emphasisLeftOpenIn(chinese)).toEqual([]);
  });
});

function codeIn(cell: string): string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, code = '']) => code);
}
