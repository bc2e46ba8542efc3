import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describeOptions } from '../../lib/options/option-table.js';
import { HEALTH_THRESHOLDS } from '../../lib/health/judge-health.js';
import { RtcHealthIndicator } from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { type Sdk, startSdk } from '../support/open-telemetry.js';
import { rejectionOf } from '../support/rejection.js';
import { changingStore } from '../support/changing-store.js';
import { ReceiptApp } from '../support/receipts.js';
import { createService } from '../support/service.js';

const ROOT = resolve(import.meta.dirname, '../..');

/** The cells of the tables' rows. */
function rowsIn(markdown: string): string[][] {
  return Array.from(markdown.matchAll(/^\| (.*) \|$/gm), ([, row = '']) =>
    row.split(' | ').map((cell) => cell.trim()),
  );
}
const codesIn = (text: string): string[] => Array.from(text.matchAll(/`([^`]+)`/g), ([, code = '']) => code);

describe('the page on telemetry', () => {
  let page: string;
  let sdk: Sdk;
  beforeAll(async () => {
    page = await readFile(join(ROOT, 'docs/telemetry.md'), 'utf8');
    sdk = startSdk();
  });
  afterAll(() => sdk.close());

  it('names every attribute', async () => {
    const folder = join(ROOT, 'lib/telemetry');
    const sources = await Promise.all(
      (await readdir(folder)).map((file) => readFile(join(folder, file), 'utf8')),
    );
    const attributes = sources
      .join()
      .match(/(?<=')(messaging|server|error|http|nestjs_rtc_messaging)\.[a-z._]+(?=':)/g);
    expect(new Set(attributes).size).toBeGreaterThan(20);
    const named = page.replaceAll('`….throttled`', '`nestjs_rtc_messaging.fan_out.throttled`');
    expect(attributes?.filter((name) => !named.includes(`\`${name}`))).toEqual([]);
  });

  it('names every metric with its unit, and no other', async () => {
    const emulator = await RtcEmulator.start();
    const server = await ReceiptApp.start(emulator, {
      quota: { requestsPerSecond: 20, store: changingStore },
      deadlineMs: 60_000,
    });
    const service = server.rooms;
    emulator.faults.add({ kind: 'error', code: 'FlowLimitExceeded' });
    const message = { roomId: 'room-1', to: ['alice'], message: 'hello' };
    // So many that some wait for the quota, however slowly they come.
    await Promise.all(Array.from({ length: 12 }, () => service.batchSend(message)));
    await rejectionOf(service.batchSend(message, { signal: AbortSignal.abort() }));
    server.join('bob');
    const { messageId } = await service.batchSend({ ...message, to: ['bob'] }, { receipt: true });
    await server.receipts.wait(String(messageId), { timeoutMs: 20_000 });
    const made = await sdk.metricUnits();
    await server.close();
    await emulator.close();

    const rows = rowsIn(page).filter(([, kind = '']) => /^(histogram|counter|gauge)$/.test(kind));
    const documented = rows.map(([name = '', , unit = '']) => [codesIn(name)[0], codesIn(unit)[0]]);
    expect(Object.fromEntries(documented)).toEqual(made);
  });
});

describe('the page on health', () => {
  it('has the thresholds and their defaults', async () => {
    const page = await readFile(join(ROOT, 'docs/health.md'), 'utf8');
    const rows = rowsIn(page.slice(page.indexOf('## Thresholds'), page.indexOf('## What it reports')));
    const documented = rows
      .filter(([name = '']) => codesIn(name).length === 1)
      .map(([name = '', fallback = '']) => [codesIn(name)[0], codesIn(fallback).map(Number)[0]]);
    const options = describeOptions(HEALTH_THRESHOLDS);
    expect(documented).toEqual(options.map(({ option, default: value }) => [option, value]));
  });

  it('names all fields of the result', async () => {
    const page = await readFile(join(ROOT, 'docs/health.md'), 'utf8');
    const emulator = await RtcEmulator.start();
    const { module } = await createService(emulator.moduleOptions());
    const told = Object.entries(module.get(RtcHealthIndicator).status()).flatMap(([name, value]) =>
      typeof value === 'object' && !Array.isArray(value)
        ? Object.keys(value as object).map((key) => `${name}.${key}`)
        : [name],
    );
    await module.close();
    await emulator.close();
    expect(told.length).toBeGreaterThan(12);
    const named = codesIn(page.slice(page.indexOf('## What it reports')));
    expect(told.filter((name) => !named.includes(name))).toEqual([]);
  });
});
