import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
import { RtcEmulator, type RtcEmulatorOptions } from 'nestjs-rtc-messaging/emulator';
import { WebSocket } from 'ws';
import { rejectionOf } from '../support/rejection.js';

type Headers = Record<string, string>;

/** As browsers send them from a page of another site. */
const FOREIGN_PAGES: readonly (readonly [string, Headers])[] = [
  ['a page of another site', { Origin: 'https://evil.example' }],
  ['a page of another site, asked to say so by the browser', { 'Sec-Fetch-Site': 'cross-site' }],
  ['a page of another port', { Origin: 'http://127.0.0.1:1' }],
  ['a page of another port on the same site', { 'Sec-Fetch-Site': 'same-site' }],
  ['a sandboxed page', { Origin: 'null' }],
  ['a page whose name was made to mean this machine', { Host: 'rebound.evil.example' }],
  [
    'a page whose name was made to mean this machine, with its origin',
    { Host: 'rebound.evil.example:{port}', Origin: 'http://rebound.evil.example:{port}' },
  ],
  ['a page whose name only looks like this machine', { Host: 'localhost.evil.example' }],
  ['a page whose name only begins like an address', { Host: '127.0.0.1.evil.example' }],
  ['a page at an address that is not this one', { Host: '192.0.2.7:{port}' }],
  ['a page that speaks HTTPS, of the same host', { Origin: 'https://127.0.0.1:{port}' }],
  ['a host that is none', { Host: 'evil.example@127.0.0.1' }],
];

const WELCOME: readonly (readonly [string, Headers])[] = [
  ['a server or curl', {}],
  ['its own pages', { Origin: 'http://127.0.0.1:{port}', 'Sec-Fetch-Site': 'same-origin' }],
  ['a user who types the address', { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate' }],
  ['localhost', { Host: 'localhost:{port}' }],
  ['LOCALHOST, with a final dot', { Host: 'LOCALHOST.' }],
  ['a name below localhost', { Host: 'emulator.localhost:{port}' }],
  ['another address of this machine', { Host: '127.9.9.9' }],
  ['the address of this machine in IPv6', { Host: '[::1]:{port}' }],
  ['the same, written out', { Host: '[0:0:0:0:0:0:0:1]' }],
];

describe("the emulator's admission", () => {
  let emulator: RtcEmulator | undefined;
  const start = async (options: RtcEmulatorOptions = {}): Promise<RtcEmulator> => {
    emulator = await RtcEmulator.start(options);
    return emulator;
  };
  afterEach(() => emulator?.close());

  /** Unlike fetch, node:http sends every header as it is told to. */
  const ask = async (
    { url }: RtcEmulator,
    headers: Headers,
    { method = 'GET', path = '/__emulator/', body = '' } = {},
  ): Promise<{ status: number | undefined; headers: IncomingMessage['headers']; text: string }> => {
    const request = httpRequest(url, { path, method, headers: withPort(headers, url) }).end(body);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, text: await text(response) };
  };
  const connect = ({ url }: RtcEmulator, headers: Headers): Promise<unknown> =>
    once(
      new WebSocket(`ws${url.slice(4)}/rooms/room-1?userId=alice`, { headers: withPort(headers, url) }),
      'open',
    );

  describe.each(FOREIGN_PAGES)('%s', (_who, headers) => {
    it.each([
      ['read', { method: 'GET', path: '/__emulator/rooms' }],
      ['change', { method: 'PUT', path: '/__emulator/faults', body: '{"faults":[{"kind":"reset"}]}' }],
      ['take away', { method: 'DELETE', path: '/__emulator/rooms/room-1/users/alice' }],
      ['ask whether it may change', { method: 'OPTIONS', path: '/__emulator/faults' }],
      ['send', { method: 'POST', path: '/?Action=SendUnicast&Version=2023-07-20', body: '{}' }],
    ])('can not %s', async (_what, request) => {
      const running = await start();
      const alice = running.room('room-1').join('alice');
      const answer = await ask(running, headers, request);
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('alice');
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      expect(running.room('room-1').participant('alice')).toBe(alice);
      expect([running.faults.active, running.requests]).toEqual([[], []]);
    });

    it('can not put a user out of a room, and read in their place', async () => {
      const running = await start();
      const alice = running.room('room-1').join('alice');
      const error = await rejectionOf(connect(running, headers));
      expect(error.message).toContain('403');
      expect(running.room('room-1').participant('alice')).toBe(alice);
    });
  });

  it.each(WELCOME)('lets in %s', async (_who, headers) => {
    const running = await start();
    expect((await ask(running, headers)).status).toBe(200);
    await connect(running, headers);
  });

  it('accepts the address that was asked at, its host and what allowedHosts names', async () => {
    const running = await start({ host: 'localhost', allowedHosts: ['emulator', 'Host.Docker.Internal'] });
    for (const [host, status] of [
      ['emulator:8787', 200],
      ['EMULATOR', 200],
      ['host.docker.internal', 200],
      ['emulator.evil.example', 403],
    ] as const) {
      expect([host, (await ask(running, { Host: host })).status]).toEqual([host, status]);
    }
    await connect(running, { Host: 'emulator' });
  });

  it('lets the pages of allowedOrigins join, and no page read answers', async () => {
    const Origin = 'http://localhost:3000';
    const running = await start({ allowedOrigins: [Origin] });
    await connect(running, { Origin });
    const { status, headers } = await ask(running, { Origin, 'Sec-Fetch-Site': 'cross-site' });
    expect(status).toBe(200);
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await ask(running, { Origin: 'http://localhost:3001' })).status).toBe(403);
    // Its host is checked all the same.
    expect((await ask(running, { Origin, Host: 'rebound.evil.example' })).status).toBe(403);
  });

  it('is no proxy: refuses a target that is no path', async () => {
    const running = await start();
    const Host = new URL(running.url).host;
    for (const path of [`http://${Host}/__emulator/`, 'http://evil.example/', '*']) {
      expect([path, await ask(running, { Host }, { path })]).toEqual([
        path,
        expect.objectContaining({ status: 421, text: expect.stringContaining('no proxy') }),
      ]);
    }
  });

  it('does not look into a host that is longer than names are, whatever it ends with', async () => {
    const running = await start();
    expect((await ask(running, { Host: `${'a.'.repeat(123)}localhost` })).status).toBe(200);
    expect((await ask(running, { Host: `${'a.'.repeat(124)}localhost` })).status).toBe(403);
    expect((await ask(running, { Host: `localhost${'.'.repeat(15_000)}` })).status).toBe(403);
  });

  it('lets in pages of an extension that allowedOrigins names', async () => {
    const Origin = 'chrome-extension://abcdef';
    const running = await start({ allowedOrigins: [Origin] });
    expect((await ask(running, { Origin })).status).toBe(200);
  });

  it.each([
    [{ allowedHosts: ['emulator:8787'] }, 'allowedHosts: must be a list of host names without port'],
    [{ allowedHosts: ['rtc.volcengine-api.com'] }, 'allowedHosts: must be'],
    [{ allowedHosts: 'emulator' }, 'allowedHosts: must be'],
    [{ allowedOrigins: ['http://localhost:3000/'] }, 'allowedOrigins: must be a list of origins'],
    [{ allowedOrigins: ['http://LOCALHOST:3000'] }, 'allowedOrigins: must be'],
    [
      { allowedOrigins: ['https://app.example:443'] },
      'in lower case, without a default port or a final slash',
    ],
    [{ allowedOrigins: ['null'] }, 'allowedOrigins: must be'],
    [{ allowedOrigins: ['*'] }, 'allowedOrigins: must be'],
    [{ allowedOrigins: ['http://user@localhost'] }, 'allowedOrigins: must be'],
    [{ allowedOrigins: ['http://localhost:99999'] }, 'allowedOrigins: must be'],
  ])('refuses %j', async (options, words) => {
    const error = await rejectionOf(start(options as never));
    expect(error.message).toContain(words);
  });
});

function withPort(headers: Headers, url: string): Headers {
  const { port } = new URL(url);
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll('{port}', port)]),
  );
}
