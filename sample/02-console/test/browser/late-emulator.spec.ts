import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { RunningConsole } from './running-console.js';
import { API_KEY } from './started-app.js';

describe('a console that is opened before the emulator is there', () => {
  let emulator: RtcEmulator;
  let running: RunningConsole;

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    // Its port is known, and no one listens.
    emulator.faults.add({ kind: 'refuse', forMs: 600_000 });
    running = await RunningConsole.start(emulator.url);
  });
  afterAll(async () => {
    await running?.stop();
    await emulator?.close();
  });

  it('follows when it comes, and lets those join who were to', async () => {
    const console = await running.open({
      fragment: `key=${API_KEY}&room=room-1&join=alice`,
    });
    const { page, problems } = console;
    const target = page.locator('#target');
    expect(await target.textContent()).toBe('Real service');
    expect(await page.locator('#real-banner').isVisible()).toBe(true);
    await page.fill('#text', 'half written');

    emulator.faults.clear();
    await console.inbox('alice').waitFor();
    expect(await target.textContent()).toBe('Emulator');
    expect(await page.locator('#real-banner').isVisible()).toBe(false);
    expect(await page.locator('#fault-form').isVisible()).toBe(true);
    expect(await page.inputValue('#text')).toBe('half written');
    // Nothing is asked before it is sent.
    await page.click('#send');
    await console.inbox('alice').getByText('half written').waitFor();
    expect(problems).toEqual([]);
    await console.close();
  });
});
