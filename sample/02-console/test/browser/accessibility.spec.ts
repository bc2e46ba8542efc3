import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import type { Page } from 'playwright-core';
import { RunningConsole } from './running-console.js';

describe('the accessibility of the console', () => {
  let emulator: RtcEmulator;
  let running: RunningConsole;

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    // A fan-out that runs while the page is looked at would take the machine's time.
    running = await RunningConsole.start(emulator.url, undefined, {
      RTC_QUOTA_RPS: '20',
      RTC_APP_KEY: emulator.moduleOptions().appKey,
    });
  });
  afterAll(async () => {
    await running?.stop();
    await emulator?.close();
  });

  const LOOKS = [
    ['en-US', 'light', 1440],
    ['en-US', 'dark', 390],
    ['zh-CN', 'light', 390],
    ['zh-CN', 'dark', 1440],
  ] as const;

  it.each(LOOKS)(
    'has no violation of weight in %s, %s, %i pixels wide',
    async (locale, colorScheme, width) => {
      // Half faded in, a colour has less contrast than it will.
      const look = {
        locale,
        colorScheme,
        viewport: { width, height: 900 },
        reducedMotion: 'reduce' as const,
      };
      const stranger = await running.open({ ...look, fragment: '' });
      await stranger.page.fill('#key', 'wrong');
      await stranger.page.press('#key', 'Enter');
      await stranger.page.locator('#sign-in-problem').waitFor();
      expect(await violations(stranger.page)).toEqual([]);
      await stranger.close();

      const console = await running.open(look);
      const { page, outcome } = console;

      // A receipt, full inboxes, someone who is absent, someone from elsewhere, and a field that is wrong.
      const dave = emulator.room('room-1').join('dave');
      await page.locator('.elsewhere').waitFor();
      await console.join('alice');
      for (let message = 0; message < 4; message++) {
        await console.send(`${message} ${'words '.repeat(20)}`);
        await console.inbox('alice').getByText(`${message} words`).waitFor();
      }
      await page.getByRole('button', { name: /alice.*举手|Raise the hand of alice/ }).click();
      await page.locator('[data-what=hand_raised]').waitFor();
      await page.fill('#others', 'erin');
      await page.locator('#absent li').waitFor();
      await console.choose('receipt');
      await console.send('to one who is absent');
      await outcome.locator('.receipts [data-outcome=accepted]').waitFor();
      await outcome.locator('.absent li').waitFor();
      await console.send('');
      await page.locator('#composer-problem').waitFor();
      expect(await violations(page)).toEqual([]);

      // An error, while a fault is on.
      await console.switchFaultOn('not_enabled');
      await console.send('hello');
      await outcome.locator('.thrown').waitFor();
      expect(await violations(page)).toEqual([]);
      await page.click('#fault-button');
      await page.locator('#fault-panel:not(.on)').waitFor();

      // A fan-out that runs, and its report.
      await console.startFanOut(5_000_000, 'hello');
      await outcome.locator('.running button').waitFor();
      expect(await violations(page, '#outcome')).toEqual([]);
      await outcome.locator('.running button').click();
      await outcome.locator('.counts').waitFor();
      expect(await violations(page)).toEqual([]);

      // One that skips who is absent.
      await console.choose('skip-absent');
      await console.startFanOut(1_000, 'hello');
      await outcome.locator('.counts div').nth(5).waitFor();
      expect(await violations(page)).toEqual([]);

      expect(console.problems).toEqual([]);
      await console.close();
      dave.leave();
    },
  );
});

/** What axe finds that is serious or critical. */
async function violations(page: Page, within = 'html'): Promise<string[]> {
  const { violations: found } = await new AxeBuilder({ page })
    .include(within)
    // In the page alone, which has no frames, and with no account of what is well: each took as long as the check.
    .setLegacyMode()
    .options({ resultTypes: ['violations'] })
    .analyze();
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
