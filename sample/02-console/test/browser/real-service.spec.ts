import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { respond, startScriptedServer, vendorAnswer } from '../../../../test/support/scripted-server.js';
import type { ConsolePage } from './console-page.js';
import { RunningConsole } from './running-console.js';

/** Who is in a room, as the service says it when it does not list all who watch unseen. */
const TOO_MANY_TO_LIST = JSON.stringify({
  ...(JSON.parse(vendorAnswer()) as object),
  Result: {
    RoomExists: true,
    VisibleUserList: ['user-1'],
    TotalInvisibleUser: 2,
    InvisibleUserList: ['watcher'],
  },
});

/** An endpoint that answers as the service does, and has nothing of the emulator's own. */
describe('the console with an endpoint that is no emulator', () => {
  let service: Awaited<ReturnType<typeof startScriptedServer>>;
  let running: RunningConsole;
  let console: ConsolePage;
  /** Without the questions whether it is an emulator by now. */
  const requests = () => service.received.filter(({ body }) => body !== '');
  const sent = () => requests().map(({ body }) => JSON.parse(body) as { To?: string[] });

  beforeAll(async () => {
    service = await startScriptedServer((response, request) =>
      request.url.startsWith('/__emulator')
        ? respond(404, '{}')(response, request)
        : respond(200, request.url.includes('RoomId=arena') ? TOO_MANY_TO_LIST : vendorAnswer())(
            response,
            request,
          ),
    );
    running = await RunningConsole.start(service.url);
  });
  afterAll(async () => {
    await running?.stop();
    await service?.close();
  });
  beforeEach(async () => {
    console = await running.open();
  });
  afterEach(async () => {
    const { problems } = console;
    await console.close();
    expect(problems).toEqual([]);
  });

  it('says so, and why there are no users, inboxes and faults', async () => {
    const { page } = console;
    await page.getByText('Messages go to the real service, to real users.').waitFor();
    await page.getByText('No emulator answers').waitFor();
    expect(await page.locator('#target').textContent()).toBe('Real service');
    await page.getByText('Only the emulator can be told to fail.').waitFor();
    await page.getByText('Who is in a room of the real service').waitFor();
    for (const hidden of ['#join-form', '#fault-form'])
      expect(await page.locator(hidden).isVisible()).toBe(false);
  });

  it('asks before each send, and sends nothing without a yes', async () => {
    const { page, outcome } = console;
    await page.fill('#others', 'alice, bob');
    // This one does not know the question.
    await page.getByText('Absent users are not known: the service could not be asked.').waitFor();
    await console.send('hello');
    const dialog = page.getByRole('dialog', { name: 'Send to real users?' });
    await dialog.getByText('to alice, bob in room room-1').waitFor();
    // Whoever presses Enter without reading has sent nothing.
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await console.send('hello');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    expect(sent()).toEqual([]);

    await console.send('hello');
    await dialog.getByRole('button', { name: 'Send it' }).click();
    await outcome.getByText('accepted', { exact: true }).first().waitFor();
    expect(sent().map(({ To }) => To)).toEqual([['alice', 'bob']]);

    await console.choose('to-everyone');
    await page.getByText('who that is, only the service knows').waitFor();
    await console.send('to all');
    await dialog.getByText('to everyone in room room-1').waitFor();
    await dialog.getByRole('button', { name: 'Send it' }).click();
    await outcome.getByText('everyone in the room').waitFor();
    expect(requests().at(-1)?.url).toContain('Action=SendBroadcast');

    await console.startFanOut(1_200, 'to many');
    await dialog.getByText('1,200 users').waitFor();
    await dialog.getByRole('button', { name: 'Send it' }).click();
    await outcome.locator('.counts').waitFor();
    expect(sent().map(({ To }) => To?.length)).toEqual([2, undefined, 600, 600]);
  });

  it('says that a list is not complete, and leaves no one out by it', async () => {
    const { page, outcome } = console;
    await page.fill('#room-id', 'arena');
    await page.press('#room-id', 'Enter');
    await page.fill('#others', 'user-1, user-2, watcher');
    await page.locator('#absent').getByText('is not complete. Not on it:').waitFor();
    expect(await page.locator('#absent li').allTextContents()).toEqual(['user-2']);

    await console.choose('to-simulated');
    await console.choose('skip-absent');
    const before = sent().length;
    await console.startFanOut(2, 'to all');
    await page.getByRole('button', { name: 'Send it' }).click();
    await outcome.getByText('the list was not complete: no one was left out').waitFor();
    expect(
      sent()
        .slice(before)
        .map(({ To }) => To),
    ).toEqual([['user-1', 'user-2']]);
  });
});
