import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RunningConsole } from './running-console.js';

describe('the console in a browser that says odd things of its language', () => {
  let emulator: RtcEmulator;
  let running: RunningConsole;

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    // A machine on which no language is set, such as a container.
    const { PATH = '', HOME = '', TMPDIR = '/tmp' } = process.env;
    running = await RunningConsole.start(emulator.url, { PATH, HOME, TMPDIR, LANG: 'C', LC_ALL: 'C' });
  });
  afterAll(async () => {
    await running?.stop();
    await emulator?.close();
  });

  /** Opens the page, uses each panel, and says in which language it is. */
  const use = async (script?: string): Promise<string> => {
    emulator.clear();
    const console = await running.open({ locale: undefined, ...(script !== undefined && { script }) });
    const { page, problems } = console;
    await console.join('alice');
    await console.send('hello');
    await console.inbox('alice').getByText('hello').waitFor();
    await page.locator('#rate-chart canvas').waitFor();
    const language = await page.evaluate(() => document.documentElement.lang);
    expect(problems).toEqual([]);
    await console.close();
    return language;
  };

  it('appears where the machine has no language', async () => {
    const console = await running.open({ locale: undefined });
    // Else this run shows nothing. Elsewhere than on Linux the browser asks the system, and not the environment.
    if (process.platform === 'linux') {
      expect(await console.page.evaluate(() => navigator.languages[0])).toBe('en-US@posix');
    }
    await console.close();
    expect(await use()).toBe('en');
  });

  it.each([
    ["'en-US@posix'", 'en'],
    ["'C'", 'en'],
    ["''", 'en'],
    ["' '", 'en'],
    ["'zh_CN.UTF-8'", 'zh-CN'],
    ["'zh-Hant-TW'", 'zh-CN'],
    ["'x'.repeat(1_000_000)", 'en'],
    ["'en-' + 'a-'.repeat(50_000)", 'en'],
    ["'\\ud800'", 'en'],
    ['undefined', 'en'],
    ['null', 'en'],
    ['7', 'en'],
    ['{}', 'en'],
    ["(() => { throw new Error('not told') })()", 'en'],
  ])('appears where the language is %s', async (said, language) => {
    const property = `{ configurable: true, get: () => ${said} }`;
    const languages = `{ configurable: true, get: () => [${said}] }`;
    const script = `Object.defineProperties(Navigator.prototype, { language: ${property}, languages: ${languages} });`;
    expect(await use(script)).toBe(language);
  });
});
