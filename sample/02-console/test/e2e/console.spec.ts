import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { WebSocket } from 'ws';
import { SAMPLE_KEY as KEY, startSample } from '../running-app.js';
import { respond, startScriptedServer, vendorAnswer } from '../../../../test/support/scripted-server.js';
import type { TestApp } from '../../../../test/support/test-app.js';
import { until } from '../../../../test/support/until.js';

const MESSAGE = { roomId: 'room-1', to: ['alice'], message: 'hello', binary: false, confirmed: false };
const BROADCAST = { roomId: 'room-1', message: 'hello', binary: false, confirmed: false };
/** Sockets need the rest. */
const ALL_BUT_TIMEOUTS = [
  'Date',
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
] as const;

const FAN_OUT = {
  type: 'fan_out',
  roomId: 'room-1',
  message: 'hello',
  binary: false,
  users: 5_000_000,
  skipAbsent: false,
  confirmed: true,
};

describe("the console's endpoints", () => {
  let emulator: RtcEmulator;
  let running: TestApp;
  let url: string;
  const environment = { ...process.env };

  const boot = async (endpoint: string): Promise<void> => {
    running = await startSample(emulator, endpoint);
    url = await running.app.getUrl();
  };
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
  });
  afterEach(async () => {
    await running.app.close();
    await emulator.close();
    process.env = { ...environment };
  });

  describe('with the emulator', () => {
    beforeEach(() => boot(emulator.url));

    it('serve the page under a policy that lets no script of another site, and no markup from text, run', async () => {
      const page = await fetch(`${url}/`);
      const policy = page.headers.get('content-security-policy') ?? '';
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'; require-trusted-types-for 'script'");
      expect(policy).not.toMatch(/unsafe|\*/);
      const html = await page.text();
      // No inline script or style, and nothing from elsewhere: it would not run.
      expect(html).not.toMatch(/<script(?![^>]* src="\/console\/)|<style|\son\w+=|\sstyle=|https?:\/\//);
      for (const [, path = ''] of html.matchAll(/(?:src|href)="(\/[^"]*)"/g)) {
        expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
      }
    });

    it.each([
      '../console.module.js',
      '..%2Fconsole.module.js',
      'texts%2F..%2F..%2Fconsole.module.js',
      'tsconfig.json',
    ])('serve nothing that is not of the page (%s)', async (path) => {
      expect((await fetch(`${url}/console/page/${path}`)).status).toBe(404);
    });

    it.each<[string, string, string, object | undefined]>([
      ['POST', '/console/messages', 'a message', MESSAGE],
      ['POST', '/console/broadcasts', 'a broadcast', BROADCAST],
      ['POST', '/console/absent', 'a question who is absent', { roomId: 'room-1', to: ['alice'] }],
      ['PUT', '/console/fault', 'a fault', { name: 'late', share: 'all' }],
      ['DELETE', '/console/fault', 'the end of a fault', undefined],
    ])('take no %s %s (%s) without the key or from another site', async (method, path, _what, body) => {
      const ask = (headers: Record<string, string>): Promise<Response> =>
        fetch(url + path, {
          method,
          headers: { 'content-type': 'application/json', ...headers },
          ...(body !== undefined && { body: JSON.stringify(body) }),
        });
      expect((await ask({})).status).toBe(401);
      expect((await ask({ 'x-api-key': 'wrong' })).status).toBe(401);
      expect((await ask({ ...KEY, origin: 'https://evil.example' })).status).toBe(403);
      expect((await ask({ ...KEY, origin: url })).status).toBeLessThan(300);
    });

    it('answer under no name that was made to point here', async () => {
      for (const path of ['/', '/console/page/main.js']) {
        expect(await statusWithHost(url + path, 'evil.example')).toBe(403);
        expect(await statusWithHost(url + path, 'localhost')).toBe(200);
      }
    });

    it('answer a send with the receipt, or with the error that was thrown', async () => {
      const alice = emulator.room('room-1').join('alice');
      const accepted = await running.post('/console/messages', MESSAGE, KEY);
      expect([accepted.status, accepted.body]).toMatchObject([200, { receipt: { outcome: 'accepted' } }]);
      expect(alice.received).toMatchObject([{ message: 'hello' }]);

      await fetch(`${url}/console/fault`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json', ...KEY },
        body: JSON.stringify({ name: 'not_enabled', share: 'next' }),
      });
      const refused = await running.post('/console/messages', MESSAGE, KEY);
      expect(refused.body).toMatchObject({
        error: {
          name: 'RtcApiError',
          code: 'RTC_API',
          outcome: 'rejected',
          apiCode: 'AccessDenied.ServiceNotEnabled',
          hint: expect.stringContaining('Switch real-time messaging on'),
          attempts: [{ outcome: 'rejected' }],
        },
      });
    });

    it('broadcast to a room, and answer with the receipt', async () => {
      const alice = emulator.room('room-1').join('alice');
      const { status, body } = await running.post('/console/broadcasts', BROADCAST, KEY);
      expect([status, body]).toMatchObject([
        200,
        { receipt: { outcome: 'accepted', action: 'SendBroadcast' } },
      ]);
      expect(alice.received).toMatchObject([{ event: 'onRoomMessageReceived', message: 'hello' }]);
    });

    it('take no faults but their own', async () => {
      for (const fault of [
        { name: 'untrusted_certificate', share: 'all' },
        { name: 'late', share: 2 },
      ]) {
        const response = await fetch(`${url}/console/fault`, {
          method: 'PUT',
          headers: { 'content-type': 'application/json', ...KEY },
          body: JSON.stringify(fault),
        });
        expect(response.status).toBe(400);
      }
      expect(emulator.faults.active).toEqual([]);
    });

    it('shows the fault that the emulator has, whoever set it', async () => {
      const page = await LivePage.open(url);
      const untilFault = async (state: object): Promise<void> => {
        for (;;) {
          const told = (await page.next('fault')) as { state: object };
          if (isDeepStrictEqual(told.state, state)) return;
        }
      };
      await untilFault({ applied: 0 });
      emulator.faults.add({ kind: 'html', probability: 0.5 });
      await untilFault({ name: 'proxy_page', share: 'half', applied: 0 });
      emulator.faults.clear();
      await untilFault({ applied: 0 });

      emulator.faults.add({ kind: 'reset', times: 2 });
      await untilFault({ name: 'other', applied: 0 });
      // Each of its attempts is reset; the second is the last that is to be.
      await running.post('/console/messages', MESSAGE, KEY);
      await running.post('/console/messages', MESSAGE, KEY);
      await untilFault({ applied: 0 });

      // Several at once are none of the console's.
      emulator.faults.add({ kind: 'html', probability: 1 });
      emulator.faults.add({ kind: 'late', delayMs: 8_000, probability: 1 });
      await untilFault({ name: 'other', applied: 0 });
      const off = await fetch(`${url}/console/fault`, { method: 'DELETE', headers: KEY });
      expect(await off.json()).toEqual({ applied: 0 });
      expect(emulator.faults.active).toEqual([]);
      await untilFault({ applied: 0 });
    });

    it('open a live connection to no page of another site', async () => {
      const foreign: Record<string, string>[] = [
        { origin: 'https://evil.example' },
        { host: 'evil.example' },
      ];
      for (const headers of foreign) {
        const socket = connect(url, headers);
        const [{ message }] = (await once(socket, 'error')) as [Error];
        expect(message).toBe('Unexpected server response: 403');
      }
    });

    it('send nothing over a live connection before the key has come', async () => {
      for (const first of ['{"type":"hello","key":"wrong"}', '{"type":"join","userId":"eve"}', 'hello']) {
        const socket = connect(url);
        const told: string[] = [];
        socket.on('message', (data) => told.push(String(data)));
        await once(socket, 'open');
        socket.send(first);
        const [code] = (await once(socket, 'close')) as [number];
        expect([first, code, told]).toEqual([first, 4_401, []]);
      }
      expect(emulator.rooms.flatMap(({ participants }) => participants)).toEqual([]);
    });

    it('close a connection that has not sent the key in time', async () => {
      jest.useFakeTimers({ doNotFake: [...ALL_BUT_TIMEOUTS] });
      try {
        const page = await LivePage.open(url);
        const stranger = connect(url);
        await once(stranger, 'open');
        const closed = once(stranger, 'close');
        jest.advanceTimersByTime(4_999);
        stranger.ping();
        await once(stranger, 'pong');
        jest.advanceTimersByTime(1);
        expect(((await closed) as [number])[0]).toBe(4_401);
        // Who has said it stays.
        page.socket.ping();
        await once(page.socket, 'pong');
        expect(page.socket.readyState).toBe(WebSocket.OPEN);
      } finally {
        jest.useRealTimers();
      }
    });

    it('let a page have at most 50 users in a room, until one of them leaves', async () => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId: 'room-1' });
      for (let user = 1; user <= 51; user++) page.send({ type: 'join', userId: `user-${user}` });
      expect(await page.next('not_joined')).toMatchObject({
        userId: 'user-51',
        message: expect.stringContaining('at most 50'),
      });
      page.send({ type: 'leave', userId: 'user-1' });
      page.send({ type: 'join', userId: 'user-51' });
      while (((await page.next('joined')) as { userId: string }).userId !== 'user-51');
      expect(emulator.room('room-1').participants).toHaveLength(50);
    });

    it('run one fan-out at a time for a page, and end it on its command', async () => {
      const page = await LivePage.open(url);
      page.send(FAN_OUT);
      await page.next('progress');
      page.send(FAN_OUT);
      expect(await page.next('fan_out_ended')).toMatchObject({ refused: 'busy' });
      page.send({ type: 'cancel' });
      expect(await page.next('fan_out_ended')).toMatchObject({
        report: { status: 'aborted', stop: 'aborted' },
      });
    });

    it.each([
      ['user', 'room-1', '\ud800', 'userId: '],
      ['room', '\udc00', 'alice', 'roomId: '],
    ])('refuse half a character in a %s ID, and go on', async (_what, roomId, userId, problem) => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId });
      page.send({ type: 'join', userId });
      expect(await page.next('not_joined')).toMatchObject({
        userId,
        message: expect.stringContaining(problem),
      });
      page.send({ type: 'room', roomId: 'room-2' });
      page.send({ type: 'join', userId: 'bob' });
      expect(await page.next('joined')).toMatchObject({ userId: 'bob' });
    });

    it.each(['.', '..'])('let a user join a room whose ID is %s', async (roomId) => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId });
      page.send({ type: 'join', userId: '..' });
      expect(await page.next('joined')).toMatchObject({ userId: '..' });
      expect(emulator.rooms.map(({ id }) => id)).toEqual([roomId]);
      await running.post('/console/messages', { ...MESSAGE, roomId, to: ['..'] }, KEY);
      expect(await page.next('received')).toMatchObject({ userId: '..', received: { message: 'hello' } });
    });

    it('list who is absent, by a question to the service that the rate chart leaves out', async () => {
      const room = emulator.room('room-1');
      room.join('alice');
      room.join('watcher', { invisible: true });
      const ask = (roomId: string, to: readonly string[]): Promise<{ status: number; body: unknown }> =>
        running.post('/console/absent', { roomId, to }, KEY);
      expect(await ask('room-1', ['erin', 'alice', 'watcher', 'bob'])).toMatchObject({
        status: 200,
        body: { absent: ['erin', 'bob'], complete: true, askedAt: expect.any(String) },
      });
      expect((await ask('no-room', ['alice'])).body).toMatchObject({ absent: ['alice'], complete: true });
      expect((await ask('a room', ['alice'])).body).toMatchObject({
        error: { message: expect.stringContaining('roomId: ') },
      });
      emulator.faults.add({ kind: 'error', code: 'AccessDenied.ServiceNotEnabled' });
      expect((await ask('room-1', ['alice'])).body).toEqual({
        error: { message: expect.stringContaining('AccessDenied.ServiceNotEnabled') },
      });

      await running.post('/console/messages', MESSAGE, KEY);
      const page = await LivePage.open(url);
      for (;;) {
        const { points } = (await page.next('rate')) as { points: [number, number, number][] };
        const most = Math.max(...points.map(([, requests]) => requests));
        if (most === 0) continue;
        expect(most).toBe(1);
        break;
      }
    });

    it.each([
      ['leave absent users out', [], 'used', { accepted: 1, absent: 1_999 }, 1],
      [
        'leave no one out when the service can not be asked',
        ['error'],
        'failed',
        { accepted: 2_000, absent: 0 },
        4,
      ],
    ] as const)(
      '%s of a fan-out, and report what came of the question',
      async (_what, faults, presence, counts, sent) => {
        emulator.room('room-1').join('user-1999');
        for (const kind of faults) emulator.faults.add({ kind, code: 'AccessDenied.ServiceNotEnabled' });
        const page = await LivePage.open(url);
        page.send({ ...FAN_OUT, users: 2_000, skipAbsent: true });
        expect(await page.next('fan_out_ended')).toMatchObject({
          report: { status: 'accepted', presence, counts: { input: 2_000, ...counts } },
        });
        const messages = emulator.requests.filter(({ body }) => body.length > 0);
        expect([messages.length, emulator.requests.length]).toEqual([sent, sent + 1]);
      },
    );

    it('show joins, leaves and raised hands as the app is told of them, and answer who raised one', async () => {
      const [page, other] = [await LivePage.open(url), await LivePage.open(url)];
      page.send({ type: 'room', roomId: 'room-1' });
      other.send({ type: 'room', roomId: 'room-2' });
      for (const userId of ['alice', 'bob']) {
        page.send({ type: 'join', userId });
        expect(await page.next('news')).toMatchObject({
          news: { what: 'joined', roomId: 'room-1', userId, at: expect.stringMatching(/^\d{4}-/) },
        });
      }
      for (const [userId, place] of [
        ['bob', 1],
        ['alice', 2],
        ['bob', 1],
      ] as const) {
        page.send({ type: 'raise_hand', userId });
        expect(await page.next('news')).toMatchObject({ news: { what: 'hand_raised', userId, place } });
        expect(await page.next('answered')).toMatchObject({
          userId,
          answer: { error: 'Success', message: `{"type":"hand.seen","place":${place}}` },
        });
      }
      page.send({ type: 'leave', userId: 'bob' });
      expect(await page.next('news')).toMatchObject({
        news: { what: 'left', userId: 'bob', reason: 'userLeave' },
      });
      // Whoever leaves the room leaves the line.
      page.send({ type: 'raise_hand', userId: 'alice' });
      expect(await page.next('news')).toMatchObject({ news: { what: 'hand_raised', place: 1 } });
      page.send({ type: 'raise_hand', userId: 'no one' });
      other.send({ type: 'join', userId: 'carol' });
      expect(await other.next('news')).toMatchObject({ news: { userId: 'carol' } });
    });

    it('say why a raised hand was not answered', async () => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId: 'room-1' });
      page.send({ type: 'join', userId: 'alice' });
      await page.next('joined');
      emulator.faults.add({ kind: 'callback_lost', match: { action: 'sendServerMessage' } });
      emulator.faults.add({ kind: 'callback_wrong_signature', match: { action: 'sendServerMessage' } });
      for (const error of ['E2BSSendFailed', 'E2BSReturnFailed']) {
        page.send({ type: 'raise_hand', userId: 'alice' });
        expect(await page.next('answered')).toMatchObject({ answer: { error, message: '' } });
      }
    });

    it.each([
      ['text', false, 'hello', 'onUserMessageReceived'],
      ['binary', true, '/wAK', 'onUserBinaryMessageReceived'],
    ])(
      'show who has confirmed a %s message, and a copy of it once',
      async (_what, binary, message, event) => {
        const page = await LivePage.open(url);
        page.send({ type: 'room', roomId: 'room-1' });
        page.send({ type: 'join', userId: 'alice' });
        await page.next('joined');
        // An app without the receiver.
        const bob = emulator.room('room-1').join('bob');
        emulator.faults.add({ kind: 'reset', accept: true });
        const { body } = await running.post(
          '/console/messages',
          { ...MESSAGE, to: ['alice', 'bob', 'erin'], message, binary, receipt: true },
          KEY,
        );
        expect(body).toMatchObject({ receipt: { possibleDuplicate: true, messageId: expect.any(String) } });
        const { messageId } = (body as { receipt: { messageId: string } }).receipt;
        page.send({ type: 'receipts', messageId });
        const told: { readonly type: string; readonly confirmed?: readonly object[] }[] = [];
        while (!told.some(({ confirmed = [] }) => confirmed.length > 0)) {
          told.push(...(await page.until('receipts')));
        }
        const alices = told.filter((each) => 'userId' in each);
        expect(alices).toMatchObject([
          { type: 'received', userId: 'alice', received: { event, from: 'server', message } },
          { type: 'copy_dropped', userId: 'alice', event },
        ]);
        expect(bob.received).toHaveLength(2);
        expect(bob.received[0]!.message).toHaveLength(
          40 + Buffer.from(message, binary ? 'base64' : 'utf8').length,
        );

        // Another page is told what came before it asked, and nothing of other messages.
        const late = await LivePage.open(url);
        late.send({ type: 'receipts', messageId });
        expect(await late.next('receipts')).toEqual({
          type: 'receipts',
          messageId,
          confirmed: [{ userId: 'alice', delayMs: expect.any(Number) }],
        });
        late.send({ type: 'receipts', messageId: 'another' });
        expect(await late.next('receipts')).toMatchObject({ messageId: 'another', confirmed: [] });
        // What was not asked to be confirmed is not, and is shown as it is.
        await running.post('/console/messages', { ...MESSAGE, message: 'as it is' }, KEY);
        expect(await page.next('received')).toMatchObject({ received: { message: 'as it is' } });
      },
    );

    it('confirm what a user was given when the user leaves, before the time for it', async () => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId: 'room-1' });
      page.send({ type: 'join', userId: 'alice' });
      await page.next('joined');
      const sent = await running.post('/console/messages', { ...MESSAGE, receipt: true }, KEY);
      await page.next('received');
      page.send({ type: 'leave', userId: 'alice' });
      page.send({
        type: 'receipts',
        messageId: (sent.body as { receipt: { messageId: string } }).receipt.messageId,
      });
      let confirmed: readonly object[] = [];
      while (confirmed.length === 0) {
        ({ confirmed } = (await page.next('receipts')) as { confirmed: readonly object[] });
      }
      expect(confirmed).toMatchObject([{ userId: 'alice' }]);
    });

    it('repeat a receipt that was not answered, and tell nobody of it as of an answer', async () => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId: 'room-1' });
      page.send({ type: 'join', userId: 'alice' });
      await page.next('joined');
      emulator.faults.add({ kind: 'callback_lost', match: { action: 'sendServerMessage' } });
      const sent = await running.post('/console/messages', { ...MESSAGE, receipt: true }, KEY);
      page.send({
        type: 'receipts',
        messageId: (sent.body as { receipt: { messageId: string } }).receipt.messageId,
      });
      const told: { readonly type: string; readonly confirmed?: readonly object[] }[] = [];
      while (!told.some(({ confirmed = [] }) => confirmed.length > 0)) {
        told.push(...(await page.until('receipts')));
      }
      expect(told.map(({ type }) => type)).not.toContain('answered');
      // An answer to the user's own message is.
      page.send({ type: 'raise_hand', userId: 'alice' });
      expect(await page.next('answered')).toMatchObject({ answer: { error: 'Success' } });
    });

    it('have the emulator tell this app again after it forgot, and leave alone what tells another app', async () => {
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId: 'room-1' });
      expect(emulator.callbacks.url).toBe(`${url}/rtc/events`);
      emulator.callbacks.unregister();
      emulator.callbacks.register({ url: 'http://127.0.0.1:1/' });
      await page.next('room');
      await page.next('room');
      expect(emulator.callbacks.url).toBe('http://127.0.0.1:1/');
      emulator.callbacks.unregister();
      await until(() => emulator.callbacks.url === `${url}/rtc/events`);
    });

    it('close with the app while pages are open', async () => {
      const { socket } = await LivePage.open(url);
      const closed = once(socket, 'close');
      await running.app.close();
      await closed;
    });
  });

  describe('with an emulator that lets no one in without a token', () => {
    beforeEach(async () => {
      await emulator.close();
      emulator = await RtcEmulator.start({ requireTokens: true });
    });
    const open = async (appKey: string): Promise<LivePage> => {
      process.env['RTC_APP_KEY'] = appKey;
      await boot(emulator.url);
      const page = await LivePage.open(url);
      page.send({ type: 'room', roomId: 'room-1' });
      page.send({ type: 'join', userId: 'alice' });
      return page;
    };

    it('let users join with a token for them and the room, to subscribe', async () => {
      const page = await open(emulator.moduleOptions().appKey);
      expect(page.ready).toMatchObject({ issuesTokens: true });
      expect(await page.next('joined')).toMatchObject({ userId: 'alice' });
      expect(emulator.room('room-1').participant('alice')?.token).toMatchObject({
        userId: 'alice',
        roomId: 'room-1',
        privileges: [4],
      });
    });

    it.each([
      ['no app key', '', false, 'token: is missing'],
      ['the key of another app', 'another-key', true, 'token: is not signed with the app key'],
    ])('report why no one joins with %s', async (_what, appKey, issuesTokens, message) => {
      const page = await open(appKey);
      expect(page.ready).toMatchObject({ issuesTokens });
      expect(await page.next('not_joined')).toMatchObject({ userId: 'alice', message });
      expect(emulator.room('room-1').participants).toEqual([]);
    });

    it('report that no token is issued for an illegal ID, and go on', async () => {
      const page = await open(emulator.moduleOptions().appKey);
      await page.next('joined');
      for (const userId of ['a b', '\ud800', '']) {
        page.send({ type: 'join', userId });
        expect(await page.next('not_joined')).toMatchObject({
          userId,
          message: expect.stringContaining('userId: '),
        });
      }
      page.send({ type: 'room', roomId: '*' });
      page.send({ type: 'join', userId: 'alice' });
      expect(await page.next('not_joined')).toMatchObject({ message: expect.stringContaining('roomId: ') });
      page.send({ type: 'room', roomId: '..' });
      page.send({ type: 'join', userId: 'bob' });
      expect(await page.next('joined')).toMatchObject({ userId: 'bob' });
    });
  });

  it('inform each page when what did not answer at first proves to be an emulator', async () => {
    // As one that is started after the app: its port is known, and no one listens.
    emulator.faults.add({ kind: 'refuse', forMs: 600_000 });
    await boot(emulator.url);
    const pages = [await LivePage.open(url), await LivePage.open(url)];
    for (const page of pages) expect(page.ready).toMatchObject({ target: 'real' });
    emulator.faults.clear();
    for (const page of pages) {
      expect(await page.next('target')).toEqual({ type: 'target', target: 'emulator' });
      page.send({ type: 'room', roomId: 'room-1' });
    }
    pages[0]!.send({ type: 'join', userId: 'alice' });
    expect(await pages[0]!.next('joined')).toMatchObject({ userId: 'alice' });
    // Once: what one is told as it opens is not told again.
    const late = await LivePage.open(url);
    expect(late.ready).toMatchObject({ target: 'emulator' });
    expect((await late.until('room')).map(({ type }) => type)).not.toContain('target');
  });

  it('send to what is no emulator only when that was confirmed, and have no faults for it', async () => {
    const service = await startScriptedServer((response, request) =>
      request.url.startsWith('/__emulator')
        ? respond(404, '{}')(response, request)
        : respond(200, vendorAnswer())(response, request),
    );
    try {
      await boot(service.url);
      expect((await running.post('/console/messages', MESSAGE, KEY)).status).toBe(409);
      expect((await running.post('/console/broadcasts', BROADCAST, KEY)).status).toBe(409);
      const fault = await fetch(`${url}/console/fault`, { method: 'DELETE', headers: KEY });
      expect(fault.status).toBe(409);
      expect(service.received.filter(({ url: path }) => !path.startsWith('/__emulator'))).toEqual([]);
      const confirmed = await running.post('/console/messages', { ...MESSAGE, confirmed: true }, KEY);
      expect(confirmed.body).toMatchObject({ receipt: { outcome: 'accepted' } });

      const page = await LivePage.open(url);
      page.send({ ...FAN_OUT, confirmed: false });
      expect(await page.next('fan_out_ended')).toMatchObject({ refused: 'unconfirmed' });
      expect(service.received.filter(({ body }) => body !== '')).toHaveLength(1);
    } finally {
      await service.close();
    }
  });
});

/** A live connection to which the key has been said, and what was told over it. */
class LivePage {
  readonly #events: { readonly type: string }[] = [];

  /** What it is told first. */
  ready: object = {};

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => this.#events.push(JSON.parse(String(data)) as { type: string }));
  }

  static async open(url: string): Promise<LivePage> {
    const page = new LivePage(connect(url));
    await once(page.socket, 'open');
    page.send({ type: 'hello', key: 'sesame' });
    page.ready = await page.next('ready');
    return page;
  }

  send(command: object): void {
    this.socket.send(JSON.stringify(command));
  }

  /** The next event of that type, those before it left out. */
  async next(type: string): Promise<object> {
    return (await this.until(type)).at(-1)!;
  }

  /** Every event up to the next one of that type. */
  async until(type: string): Promise<{ readonly type: string }[]> {
    const told: { readonly type: string }[] = [];
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) {
        told.push(event);
        if (event.type === type) return told;
      }
      await once(this.socket, 'message');
    }
  }
}

function connect(url: string, headers: Record<string, string> = {}): WebSocket {
  return new WebSocket(`${url.replace('http', 'ws')}/console/live`, { headers: { origin: url, ...headers } });
}

/** `fetch` does not let the host be named. */
async function statusWithHost(url: string, host: string): Promise<number | undefined> {
  const request = httpRequest(url, { headers: { host } }).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
