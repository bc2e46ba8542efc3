import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RunningConsole } from './running-console.js';

/** So that the page's live connection can be broken. */
const KEEP_SOCKET =
  'window.WebSocket = class extends WebSocket { constructor(...given) { super(...given); window.live = this; } };';

describe('the receipts in the console', () => {
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

  it('tick off one by one with the time they took, and a message that arrives twice is shown once', async () => {
    const console = await running.open({ script: KEEP_SOCKET });
    const { page, outcome } = console;
    await console.join('alice', 'bob');
    await page.fill('#others', 'erin');
    const toggle = page.getByRole('switch', { name: 'With receipts' });
    await toggle.focus();
    await page.keyboard.press('Space');
    expect(await toggle.isChecked()).toBe(true);
    await page.getByText('0 of 20,440 bytes').waitFor();

    await console.switchFaultOn('reset_accepted', 'next');
    // The receipt of bob comes after that of alice.
    emulator.faults.add({
      kind: 'callback_late',
      // Until the connection below is gone, however busy the machine is.
      delayMs: 10_000,
      match: { action: 'sendServerMessage', userId: 'bob' },
    });
    await console.send('The auction begins.');
    const receipt = (user: string) => outcome.locator('.receipts li', { hasText: user });
    await receipt('alice')
      .getByText(/^✓ alice · [\d,]+ ms$/)
      .waitFor();
    await outcome.getByText('1 of 3 confirmed').waitFor();
    expect(await receipt('bob').textContent()).toBe('bob · not confirmed');
    for (const user of ['alice', 'bob']) {
      const inbox = console.inbox(user);
      await inbox.getByText('came again: a copy, dropped').waitFor();
      expect(await inbox.getByText('The auction begins.').count()).toBe(1);
    }
    expect(emulator.accepted.duplicates()).toHaveLength(3);
    expect(await outcome.locator('.facts').first().textContent()).toContain('Possibly twiceyes');

    // What comes while the connection is gone is asked for over the next one.
    await page.evaluate('live.close()');
    await page.locator('#connection-lost').waitFor();
    await receipt('bob')
      .getByText(/^✓ bob · [\d,]*\d,\d{3} ms$/)
      .waitFor();
    await outcome.getByText('2 of 3 confirmed').waitFor();
    expect(await receipt('erin').textContent()).toBe('erin · not confirmed');

    // In the other language, what came before it was chosen too.
    await page.click('#language');
    await receipt('bob')
      .getByText(/^✓ bob · [\d,]*\d,\d{3} 毫秒$/)
      .waitFor();
    await outcome.getByText('已确认 2 / 3').waitFor();

    // Without the switch, nothing is confirmed.
    await console.choose('receipt');
    // Whoever was put out with the connection is back.
    await console.inbox('alice').waitFor();
    await console.send('no receipts');
    await console.inbox('alice').getByText('no receipts').waitFor();
    expect(await outcome.locator('.receipts').count()).toBe(0);
    expect(console.problems).toEqual([]);
    await console.close();
  });
});
