import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RunningConsole } from './running-console.js';

describe('the console in a browser that remembers nothing', () => {
  let emulator: RtcEmulator;
  let running: RunningConsole;

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    running = await RunningConsole.start(emulator.url);
  });
  afterAll(async () => {
    await running?.stop();
    await emulator?.close();
  });

  const THROWS = "throw new DOMException('Access is denied for this document.', 'SecurityError')";
  it.each([
    // Where cookies are blocked, reading the property throws.
    ['refuses the storage', `get() { ${THROWS}; }`],
    ['has none', 'get: () => undefined'],
    ['has none any more', 'get: () => null'],
    ['lets nothing be kept', `get: () => ({ getItem() { ${THROWS}; }, setItem() { ${THROWS}; } })`],
  ])('appears, and can be switched, where the browser %s', async (_what, property) => {
    const script = ['localStorage', 'sessionStorage']
      .map((name) => `Object.defineProperty(window, '${name}', { configurable: true, ${property} });`)
      .join('\n');
    const console = await running.open({ script });
    const { page, problems } = console;
    await console.join('alice');
    const languageOf = () => page.evaluate(() => document.documentElement.lang);
    const themeOf = () => page.evaluate(() => document.documentElement.dataset['theme']);
    const before = await languageOf();
    await page.locator('#language').click();
    expect(await languageOf()).not.toBe(before);
    await page.locator('#theme').click();
    const chosen = await themeOf();
    expect(['dark', 'light']).toContain(chosen);
    await page.locator('#theme').click();
    expect(await themeOf()).not.toBe(chosen);
    expect(problems).toEqual([]);
    await console.close();
  });
});
