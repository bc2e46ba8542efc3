import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import type { ConsolePage } from './console-page.js';
import { RunningConsole } from './running-console.js';
import { API_KEY } from './started-app.js';

const MARKUP = '<img src=x onerror="document.title=1"><b>bold</b>';

describe('the console', () => {
  let emulator: RtcEmulator;
  let running: RunningConsole;
  let console: ConsolePage;

  beforeAll(async () => {
    emulator = await RtcEmulator.start();
    running = await RunningConsole.start(emulator.url);
  });
  afterAll(async () => {
    await running?.stop();
    await emulator?.close();
  });
  beforeEach(async () => {
    emulator.clear();
    emulator.faults.clear();
    console = await running.open();
  });
  afterEach(async () => {
    const { problems } = console;
    await console.close();
    expect(problems).toEqual([]);
    expect(emulator.accepted.duplicates()).toEqual([]);
  });

  it('asks for the key, says when it is wrong, and keeps it out of the address', async () => {
    const stranger = await running.open({ fragment: '' });
    const { page, panels, problems } = stranger;
    await page.fill('#key', 'wrong');
    await page.press('#key', 'Enter');
    await page.locator('#sign-in-problem').waitFor();
    expect(await panels.isVisible()).toBe(false);
    await page.fill('#key', API_KEY);
    await page.click('#sign-in-form button');
    await panels.waitFor();
    expect(await page.locator('#target').textContent()).toBe('Emulator');
    expect(problems).toEqual([]);
    await stranger.close();

    expect(console.page.url()).toBe(`${running.url}/`);
    await console.page.reload();
    await console.panels.waitFor();
  });

  it('shows each user the text that is sent to them, and the receipt', async () => {
    await console.join('alice', 'bob', 'carol');
    await console.page.locator('.chip', { hasText: 'bob' }).click();
    await console.send('Class starts. 上课了。');
    await console.outcome.getByText('accepted', { exact: true }).first().waitFor();
    expect(await console.outcome.locator('.facts').first().textContent()).toMatch(
      /Recipients2Request ID\d{14}/,
    );
    await console.inbox('alice').getByText('Class starts. 上课了。').waitFor();
    await console.inbox('carol').getByText('text from server').waitFor();
    expect(await console.inbox('bob').textContent()).toBe('Nothing received');
  });

  it('shows who joined and left, a raised hand, and the answer that the user gets', async () => {
    const { page } = console;
    const news = page.locator('#news');
    expect(await news.textContent()).toContain('Joins and leaves of this room');
    await console.join('alice', 'bob');
    await news.getByText('bob joined').waitFor();
    const card = (user: string) => page.locator(`li[data-user="${user}"]`);
    await page.getByRole('button', { name: 'Raise the hand of bob' }).click();
    await news.getByText('bob raised a hand, number 1 in line').waitFor();
    await console.inbox('bob').getByText('{"type":"hand.seen","place":1}').waitFor();
    await page.getByRole('button', { name: 'Raise the hand of alice' }).press('Enter');
    await console.inbox('alice').getByText('{"type":"hand.seen","place":2}').waitFor();
    // It is no message that was sent to the user.
    expect(await card('alice').locator('.user-head .note').textContent()).toBe('0 received');
    await page.getByRole('button', { name: 'Let bob leave' }).click();
    await news.getByText('bob left (userLeave)').waitFor();

    emulator.faults.add({ kind: 'callback_lost' });
    await page.getByRole('button', { name: 'Raise the hand of alice' }).click();
    await console.inbox('alice').getByText('no answer (E2BSSendFailed)').waitFor();

    await page.fill('#room-id', 'room-2');
    await page.press('#room-id', 'Enter');
    await news.getByText('Joins and leaves of this room').waitFor();
    expect(await news.locator('.news-entry').count()).toBe(0);
  });

  it('sends a file as bytes to everyone in the room, wherever they joined from', async () => {
    const dave = emulator.room('room-1').join('dave');
    await console.join('alice');
    await console.page.locator('.elsewhere', { hasText: 'dave' }).waitFor();
    await console.choose('to-everyone');
    await console.choose('kind-file');
    const buffer = Buffer.from([0xca, 0xfe, 0, 1]);
    await console.page.setInputFiles('#file', {
      name: MARKUP,
      mimeType: 'application/octet-stream',
      buffer,
    });
    expect(await console.page.locator('#file-name').textContent()).toBe(MARKUP);
    await console.page.click('#send');
    await console.inbox('alice').getByText('ca fe 00 01').waitFor();
    await console.inbox('alice').getByText('binary from server, 4 bytes').waitFor();
    expect(dave.received).toMatchObject([
      { event: 'onRoomBinaryMessageReceived', message: new Uint8Array(buffer) },
    ]);
    dave.leave();
  });

  it('broadcasts to everyone in the room, up to 64 KB, and shows under which callback each got it', async () => {
    const { page, outcome } = console;
    const head = (text: string): Promise<string | null> =>
      console
        .inbox('bob')
        .locator('.message', { hasText: text })
        .locator('.message-head span, .message-head code')
        .allTextContents()
        .then((parts) => parts.join(' '));
    await console.join('alice', 'bob');
    await page.fill('#others', 'carol');
    await console.send('to some');
    await console.inbox('bob').getByText('to some').waitFor();
    expect(await head('to some')).toBe('text from server onUserMessageReceived');

    await console.choose('to-everyone');
    await page.getByText('One broadcast, to 2: alice, bob').waitFor();
    await console.send('to all');
    for (const user of ['alice', 'bob']) await console.inbox(user).getByText('to all').waitFor();
    expect(await head('to all')).toBe('text from server onRoomMessageReceived');
    await outcome.getByText('everyone in the room').waitFor();

    await console.choose('kind-file');
    const choose = (bytes: number): Promise<void> =>
      page.setInputFiles('#file', {
        name: 'file',
        mimeType: 'application/octet-stream',
        buffer: Buffer.alloc(bytes, 0xca),
      });
    await choose(65_536);
    await page.click('#send');
    await console.inbox('bob').getByText('binary from server, 65,536 bytes').waitFor();
    expect(await head('ca ca')).toBe('binary from server, 65,536 bytes onRoomBinaryMessageReceived');
    await choose(65_537);
    await page.click('#send');
    await page.getByText('The file has 65,537 bytes; a message takes at most 65,536.').waitFor();
    // To some, it may be less.
    await console.choose('to-chosen');
    await page.getByText('65,537 of 20,480 bytes').waitFor();

    // As much text as that, each of its characters escaped on its way.
    await console.choose('to-everyone');
    await console.choose('kind-text');
    await console.send('\u0001'.repeat(65_536));
    await page.waitForFunction(
      () =>
        document.querySelector('[data-user="bob"] .message:last-child .message-text')?.textContent?.length ===
        65_536,
    );
  });

  it('lets users leave, keeps them over a reload, and shows when another takes their place', async () => {
    await console.join('alice', 'bob');
    await console.page.getByRole('button', { name: 'Let alice leave' }).click();
    await console.inbox('alice').waitFor({ state: 'detached' });
    await console.page.reload();
    await console.inbox('bob').waitFor();
    const inRoom = (): string[] => emulator.room('room-1').participants.map(({ userId }) => userId);
    expect(inRoom()).toEqual(['bob']);

    const bob = emulator.room('room-1').join('bob');
    await console.page.getByText('bob joined from elsewhere and was put out here.').waitFor();
    await console.page.getByRole('button', { name: 'Let bob join from this page' }).click();
    await console.inbox('bob').waitFor();
    expect(emulator.room('room-1').participant('bob')).not.toBe(bob);
  });

  it('runs a fan-out to 50,000 with a progress bar, and reports it', async () => {
    const { page, outcome } = console;
    await console.join('user-49999');
    // It may be over sooner than it can be looked at.
    const seen = page.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const outcome = document.querySelector('#outcome') ?? document.body;
          const values: string[] = [];
          const observer = new MutationObserver(() => {
            const bar = outcome.querySelector('progress');
            if (bar !== null) values.push(`${bar.value} of ${bar.max}`);
            if (outcome.querySelector('.counts') === null) return;
            observer.disconnect();
            resolve(values);
          });
          observer.observe(outcome, {
            childList: true,
            subtree: true,
            characterData: true,
            attributes: true,
          });
        }),
    );
    await console.startFanOut(50_000, 'The auction begins.');
    await outcome.locator('.counts').waitFor();
    await console.inbox('user-49999').getByText('The auction begins.').waitFor();
    expect(await outcome.locator('.counts dd').allTextContents()).toEqual([
      '50,000',
      '50,000',
      '0',
      '0',
      '0',
    ]);
    expect(emulator.accepted.total).toBe(50_000);
    const values = await seen;
    expect([values[0], values.at(-1)]).toEqual(['0 of 50000', '50000 of 50000']);

    // 84 requests, which the chart shows beside the quota.
    await page.waitForFunction(() => Number(document.querySelector('#rate-peak')?.textContent) > 5);
    expect(await number(console, '#rate-peak')).toBeLessThanOrEqual(500);
    await page.locator('#rate-chart canvas').waitFor();
    expect(await page.locator('#rate-chart').getAttribute('aria-label')).toContain('of 500 allowed');
  });

  it('marks absent users, before and after a send', async () => {
    const { page, outcome } = console;
    const absent = page.locator('#absent');
    const marked = absent.locator('li');
    await page.getByText('Users join without tokens: RTC_APP_KEY is not set.').waitFor();
    await console.join('alice');
    expect(await absent.isVisible()).toBe(false);
    await page.fill('#others', 'erin, alice frank');
    await absent.getByText('Not in the room at').waitFor();
    expect(await marked.allTextContents()).toEqual(['erin', 'frank']);
    await console.join('frank');
    await marked.getByText('frank').waitFor({ state: 'detached' });
    expect(await marked.allTextContents()).toEqual(['erin']);

    await console.send('hello');
    const receipt = outcome.locator('.result');
    await receipt.getByText('Not in the room at').waitFor();
    expect(await receipt.locator('.absent li').allTextContents()).toEqual(['erin']);
    await page.fill('#others', '');
    await absent.waitFor({ state: 'hidden' });
    await console.send('to those who are here');
    await receipt.getByText('all of them were in the room.').waitFor();

    // Of another room, others are absent; of a long list, the first are named.
    await page.fill('#others', Array.from({ length: 25 }, (_, user) => `user-${user}`).join());
    await absent.getByText('and 5 more').waitFor();
    await page.fill('#others', 'alice');
    await absent.getByText('all of them were in the room.').waitFor();
    await page.fill('#room-id', 'room-2');
    await page.press('#room-id', 'Enter');
    await marked.getByText('alice').waitFor();
  });

  it('says when absent users are not known, and leaves a fault to the message that is sent', async () => {
    const { page } = console;
    const absent = page.locator('#absent');
    await page.fill('#others', 'a b');
    await absent.getByText('Not in the room at').waitFor();
    await page.fill('#room-id', 'a room');
    await page.press('#room-id', 'Enter');
    await absent.getByText('the service could not be asked. ').waitFor();
    await page.fill('#room-id', 'room-1');
    await page.press('#room-id', 'Enter');
    await absent.getByText('Not in the room at').waitFor();

    await console.switchFaultOn('not_enabled', 'next');
    await page.fill('#others', 'bob');
    await absent.getByText('are not asked for while a fault is on').waitFor();
    expect(emulator.faults.active).toMatchObject([{ applied: 0 }]);
    await console.send('hello');
    await console.outcome.locator('.thrown').waitFor();
    await absent.getByText('Not in the room at').waitFor();
  });

  it('skips absent users in a fan-out, by a switch that the keyboard reaches', async () => {
    const { page, outcome } = console;
    await console.join('user-7');
    await console.choose('to-simulated');
    await page.fill('#simulated-users', '20000');
    const toggle = page.getByRole('switch', { name: 'Skip absent users' });
    await toggle.focus();
    await page.keyboard.press('Space');
    expect(await toggle.isChecked()).toBe(true);
    expect(await page.locator('#estimate').textContent()).toBe(
      'user-1 … user-20000 · a question, then at most 34 requests',
    );
    await console.send('The auction begins.');
    await console.inbox('user-7').getByText('The auction begins.').waitFor();
    await outcome.getByText('Everyone who is in the room was accepted.').waitFor();
    expect(await outcome.locator('.counts').textContent()).toContain(
      'Read20,000Accepted1Absent19,999Rejected0',
    );
    await outcome.getByText('asked once; absent users were left out').waitFor();

    // It takes longer than the question may.
    await console.switchFaultOn('late', 'next');
    await console.send('The auction ends.');
    await outcome.getByText('no answer within a second: no one was left out').waitFor();
    expect(await outcome.locator('.counts').textContent()).toContain('Accepted20,000Absent0');
  });

  it('cancels a fan-out, and reports what became of it', async () => {
    await console.startFanOut(5_000_000, 'Too long to wait for.');
    await console.page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0);
    await console.page.getByRole('button', { name: 'Cancel' }).click();
    await console.outcome.getByText('aborted', { exact: true }).waitFor();
    const [input, ...outcomes] = (await console.outcome.locator('.counts dd').allTextContents()).map(
      toNumber,
    );
    expect(input).toBeLessThan(5_000_000);
    expect(outcomes.reduce((sum, count) => sum + count, 0)).toBe(input);
    // On a busy machine, some may have had no answer in time.
    const [accepted = 0, , unknown = 0] = outcomes;
    expect(emulator.accepted.total).toBeGreaterThanOrEqual(accepted);
    expect(emulator.accepted.total).toBeLessThanOrEqual(accepted + unknown);
  });

  it('ends the fan-out and the seats of a page that is closed', async () => {
    const other = await running.open();
    await other.join('erin');
    await other.startFanOut(5_000_000, 'No one watches.');
    await other.page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 0);
    await other.close();
    await console.page.locator('.elsewhere', { hasText: 'erin' }).waitFor({ state: 'detached' });
    // The chart of the page that stays shows when the last request was made.
    await console.page.waitForFunction(() => document.querySelector('#rate-now')?.textContent === '0');
    expect(emulator.accepted.total).toBeLessThan(5_000_000);
  });

  it('shows the error that a caller catches: code, outcome, hint and attempts', async () => {
    await console.switchFaultOn('throttled');
    await console.page.fill('#others', 'alice');
    // Each stays in the second that is shown for a while.
    const refusalShown = console.page.waitForFunction(
      () => document.querySelector('#rate-refused')?.textContent !== '0',
    );
    await console.send('hello');
    const thrown = console.outcome.locator('.thrown');
    await Promise.all([thrown.waitFor(), refusalShown]);
    expect(await thrown.textContent()).toMatch(
      /RtcApiErrorRTC_API.*FlowLimitExceeded.*What to do.*send more slowly/,
    );
    expect(await console.outcome.locator('.verdict .badge').textContent()).toBe('rejected');
    expect(await console.outcome.locator('.attempts li').count()).toBe(3);
    // A fan-out of before may have had a request left.
    await console.page.getByText(/Hits so far: ([3-9]|\d\d)\./).waitFor();
    await console.page.click('#fault-button');
    await console.page.getByText('Nothing goes wrong.').waitFor();

    await console.switchFaultOn('reset_accepted', 'next');
    await console.send('hello');
    await console.outcome.getByText('RtcNetworkError').waitFor();
    expect(await console.outcome.locator('.verdict .badge').textContent()).toBe('unknown');
    // It was for one request, and is over.
    await console.page.getByText('Nothing goes wrong.').waitFor();
  });

  it('shows the fault that another process set, and switches it off', async () => {
    const { page } = console;
    emulator.faults.add({ kind: 'late', delayMs: 8_000, probability: 0.1 });
    await page.getByText('On: The answer comes after 8 s.').waitFor();
    expect(await page.inputValue('#fault-name')).toBe('late');
    expect(await page.inputValue('#fault-share')).toBe('tenth');
    emulator.faults.clear();
    await page.getByText('Nothing goes wrong.').waitFor();

    emulator.faults.add({ kind: 'error', code: 'InternalError', match: { roomId: 'room-9' }, times: 3 });
    await page.getByText('On: something else, set elsewhere. Hits so far: 0.').waitFor();
    // It is none of those that can be chosen.
    for (const field of ['#fault-name', '#fault-share']) expect(await page.inputValue(field)).toBe('');
    await page.click('#fault-button');
    await page.getByText('Nothing goes wrong.').waitFor();
    expect(await page.inputValue('#fault-name')).toBe('throttled');
    expect(emulator.faults.active).toEqual([]);
  });

  it('shows as text what looks like markup', async () => {
    await console.join('alice');
    await console.send(MARKUP);
    await console.inbox('alice').getByText(MARKUP).waitFor();
    await console.choose('to-chosen');
    await console.page.fill('#others', '<b>bob</b>');
    await console.send('hello');
    await console.outcome.locator('.thrown').getByText('<b>bob</b>').waitFor();
    await console.page.fill('#user-id', '<i>eve</i>');
    await console.page.press('#user-id', 'Enter');
    await console.page.locator('#join-problem').getByText('<i>eve</i> could not join').waitFor();
    await console.page.fill('#user-id', 'eve');
    expect(await console.page.locator('#join-problem').isVisible()).toBe(false);
    expect(await console.page.locator('main :is(img, b, i)').count()).toBe(0);
    expect(await console.page.title()).toBe('Messaging console');
  });

  it('can be used by the keyboard alone', async () => {
    const { page } = console;
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? '');
    const tabTo = async (id: string): Promise<void> => {
      for (let presses = 0; (await focused()) !== id; presses++) {
        if (presses > 40) throw new Error(`#${id} can't be reached by Tab`);
        await page.keyboard.press('Tab');
      }
    };
    await tabTo('user-id');
    await page.keyboard.type('alice');
    await page.keyboard.press('Enter');
    await console.inbox('alice').waitFor();
    await tabTo('to-chosen');
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toBe('to-everyone');
    await tabTo('text');
    await page.keyboard.type('by keyboard');
    await tabTo('send');
    await page.keyboard.press('Space');
    await console.inbox('alice').getByText('by keyboard').waitFor();
    expect(await focused()).toBe('send');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.type('!');
    await page.keyboard.press('Control+Enter');
    await console.inbox('alice').getByText('by keyboard!').waitFor();
    const outline = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement ?? document.body);
      return `${outlineStyle} ${outlineWidth}`;
    });
    expect(outline).toBe('solid 2px');
  });

  it('switches to Chinese and to other colours, and remembers both', async () => {
    const { page } = console;
    const look = (): Promise<string[]> =>
      page.evaluate(() => [
        document.documentElement.lang,
        document.title,
        getComputedStyle(document.body).backgroundColor,
      ]);
    const [language, title, light] = await look();
    expect([language, title]).toEqual(['en', 'Messaging console']);
    await console.join('alice');
    await page.click('#language');
    await page.click('#theme');
    const changed = await look();
    expect(changed.slice(0, 2)).toEqual(['zh-CN', '消息控制台']);
    expect(changed[2]).not.toBe(light);
    expect(await page.locator('#theme').getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('button', { name: '让 alice 离开' }).waitFor();
    await page.reload();
    await console.inbox('alice').waitFor();
    expect(await look()).toEqual(changed);
  });

  it('follows the system in language and colours until they are chosen', async () => {
    const chinese = await running.open({ locale: 'zh-CN', colorScheme: 'dark' });
    expect(await chinese.page.locator('h1').textContent()).toBe('消息控制台');
    expect(await chinese.page.locator('#theme').getAttribute('aria-pressed')).toBe('true');
    expect(chinese.problems).toEqual([]);
    await chinese.close();
  });

  it.each(['en-US', 'zh-CN'])('fits a phone without scrolling sideways (%s)', async (locale) => {
    const phone = await running.open({
      locale,
      viewport: { width: 360, height: 740 },
    });
    await phone.join('u'.repeat(128));
    await phone.page.fill('#others', 'v'.repeat(128));
    await phone.page.locator('#absent li').waitFor();
    await phone.send('x'.repeat(2_000));
    await phone.outcome.locator('.absent li').waitFor();
    await phone.inbox('u'.repeat(128)).locator('.message').waitFor();
    await phone.switchFaultOn('not_enabled');
    await phone.send('again');
    await phone.outcome.locator('.thrown').waitFor();
    const widths = await phone.page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.documentElement.clientWidth,
    ]);
    expect(widths[0]).toBe(widths[1]);
    // Nor is anything cut off at a panel's edge.
    const cut = await phone.page.evaluate(() =>
      Array.from(document.querySelectorAll('.panel *'))
        .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth)
        .map(({ className }) => className),
    );
    expect(cut).toEqual([]);
    await phone.page.click('#fault-button');
    await phone.page.locator('#fault-panel:not(.on)').waitFor();
    expect(phone.problems).toEqual([]);
    await phone.close();
  });
});

function toNumber(text: string): number {
  return Number(text.replaceAll(',', ''));
}

async function number(console: ConsolePage, selector: string): Promise<number> {
  return toNumber((await console.page.locator(selector).textContent()) ?? '');
}
