import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ENQUEUE_OPTIONS } from '../../lib/bullmq/fan-out-queue.service.js';
import { FAN_OUT_QUEUE_OPTIONS } from '../../lib/bullmq/fan-out-queue-settings.js';
import { CALLBACK_OPTIONS } from '../../lib/callbacks/callback-settings.js';
import { MODULE_OPTIONS } from '../../lib/config/module-option-table.js';
import { FAULT_KINDS } from '../../lib/emulator/fault-kinds.js';
import { FAN_OUT_OPTIONS } from '../../lib/fan-out/fan-out-request.js';
import { describeOptions } from '../../lib/options/option-table.js';
import { REDIS_QUOTA_OPTIONS } from '../../lib/redis/redis-quota-options.js';

const ROOT = resolve(import.meta.dirname, '../..');
const REQUIRED = /^(required|必填)$/;
/** Where a default is a word of the language, it is none that could be given. */
const LITERAL = /^[`']*(\d[\d,.]*|true|false)[`']*$/;

const { clientMessages: _, receipts: _receipts, ...EVENT_OPTIONS } = CALLBACK_OPTIONS;

interface Row {
  readonly variable: string | undefined;
  readonly fallback: string;
}

/** The table of a page that has all of these options, by option; a cell may name two, with their defaults. */
async function documented(page: string, options: readonly string[]): Promise<ReadonlyMap<string, Row>> {
  const text = await readFile(join(ROOT, page), 'utf8');
  const tables = Array.from(text.matchAll(/(?:^\|.*\|\n)+/gm), ([table]) => rowsOf(table));
  const found = tables.find((rows) => options.every((option) => rows.has(option)));
  const missing = tables.map((rows) => options.filter((option) => !rows.has(option)));
  if (found === undefined) {
    throw new Error(
      `${page} lacks ${missing.sort((one, other) => one.length - other.length)[0]?.join(', ')}`,
    );
  }
  return found;
}

function rowsOf(table: string): ReadonlyMap<string, Row> {
  const rows = new Map<string, Row>();
  for (const line of table.trimEnd().split('\n').slice(2)) {
    const cells = line.split('|').map((cell) => cell.trim());
    const variable = /^`([A-Z_]+)`$/.exec(cells[2] ?? '')?.[1];
    const fallback = variable !== undefined || cells[2] === '–' ? (cells[3] ?? '') : (cells[2] ?? '');
    const names = Array.from((cells[1] ?? '').matchAll(/`([\w.]+)`/g), ([, name = '']) => name);
    const parts = fallback.split(/, |、/);
    for (const [index, name] of names.entries()) {
      rows.set(name, { variable, fallback: parts.length === names.length ? (parts[index] ?? '') : fallback });
    }
  }
  return rows;
}

/** `5,000`, `'chunk'` and `86,400,000 (a day)` as they would be given. */
function valueOf(fallback: string): string {
  return fallback.replace(/ \(.*\)$/, '').replaceAll(/[`',]/g, '');
}

describe.each([
  ['docs/configuration.md', 'the module', MODULE_OPTIONS, []],
  ['docs/fan-out.md', 'a fan-out', FAN_OUT_OPTIONS, []],
  ['docs/shared-quota.md', 'RedisQuota', REDIS_QUOTA_OPTIONS, []],
  [
    'docs/durable-fan-out.md',
    "the queue's module",
    FAN_OUT_QUEUE_OPTIONS,
    ['role', 'queueName', 'roomUnicast'],
  ],
  ['docs/durable-fan-out.md', 'enqueuing', ENQUEUE_OPTIONS, []],
  ['docs/events.md', 'events', EVENT_OPTIONS, []],
  ['docs/client-messages.md', "clients' messages", { clientMessages: CALLBACK_OPTIONS.clientMessages }, []],
  ['docs/receipts.md', 'receipts', { receipts: CALLBACK_OPTIONS.receipts }, []],
])('the table in %s of the options of %s', (page, _of, table, extras) => {
  const options = describeOptions(table);
  const names = options.map(({ option }) => option);

  it('has all options, and no other', async () => {
    const rows = await documented(page, names);
    expect([...rows.keys()].sort()).toEqual([...names, ...extras].sort());
  });

  it('has the variables and the defaults', async () => {
    const rows = await documented(page, names);
    for (const { option, variable, default: value, required } of options) {
      const row = rows.get(option);
      const { fallback = '' } = row ?? {};
      expect([option, row?.variable]).toEqual([option, variable]);
      if (required) expect([option, fallback]).toEqual([option, expect.stringMatching(REQUIRED)]);
      else if (value !== undefined) expect([option, valueOf(fallback)]).toEqual([option, String(value)]);
      else if (variable !== undefined)
        expect([option, fallback]).not.toEqual([option, expect.stringMatching(LITERAL)]);
    }
  });
});

describe.each(['README.md', 'README_zh-CN.md'])('the short table of options in %s', (page) => {
  it('has six options, with the variables and the defaults', async () => {
    const options = new Map(describeOptions(MODULE_OPTIONS).map((option) => [option.option, option]));
    const rows = await documented(page, ['appId', 'quota.requestsPerSecond']);
    expect(rows.size).toBe(6);
    // One row for both halves of the access key.
    const { secretAccessKey, accessKeyId } = {
      accessKeyId: options.get('credentials.accessKeyId')?.variable,
      secretAccessKey: options.get('credentials.secretAccessKey')?.variable,
    };
    const text = await readFile(join(ROOT, page), 'utf8');
    expect(text).toMatch(
      new RegExp(`^\\| \`credentials\` \\| \`${accessKeyId}\`(, |、)\`${secretAccessKey}\` \\| `, 'm'),
    );
    for (const [name, { variable, fallback }] of rows) {
      if (name === 'credentials') continue;
      const option = options.get(name);
      expect([name, variable]).toEqual([name, option?.variable]);
      if (option?.required) expect([name, fallback]).toEqual([name, expect.stringMatching(REQUIRED)]);
      else if (option?.default !== undefined)
        expect([name, valueOf(fallback)]).toEqual([name, String(option.default)]);
    }
  });
});

describe('the tables of faults', () => {
  const SECTIONS = {
    'docs/emulator-control.md': 'Faults',
    'docs/emulator-callbacks.md': 'What can go wrong',
  };
  const kindsOf = (cell: string): readonly string[] =>
    cell.includes('more]') ? [] : (cell.split(', with')[0] ?? '').replaceAll('`', '').split(', ');

  it('have each fault of the emulator once, with the fields that it needs', async () => {
    const texts = await Promise.all(
      Object.entries(SECTIONS).map(async ([page, title]) => {
        const text = await readFile(join(ROOT, page), 'utf8');
        return text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
      }),
    );
    const cells = texts.flatMap((text) =>
      Array.from(text.matchAll(/^\| (`[^|]+) \|/gm), ([, cell = '']) => cell),
    );
    for (const [kind, { fields }] of Object.entries(FAULT_KINDS)) {
      const rows = cells.filter((cell) => kindsOf(cell).includes(kind));
      expect([kind, rows.length]).toEqual([kind, 1]);
      for (const { option, required } of describeOptions(fields)) {
        if (required) expect([kind, rows[0]]).toEqual([kind, expect.stringContaining(`\`${option}\``)]);
      }
    }
  });
});
