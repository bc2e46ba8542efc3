import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { InternalAxiosRequestConfig } from 'axios';
import type { TestingModule } from '@nestjs/testing';
import { ClientRequest, type ServerResponse } from 'node:http';
import {
  type OpenApiRequest,
  RoomUnicastService,
  RtcAbortedError,
  RtcApiError,
  type RtcMessagingOptions,
  RtcNetworkError,
  RtcOpenApiService,
  RtcTimeoutError,
  RtcValidationError,
} from 'nestjs-rtc-messaging';
import { CREDENTIALS, leaksIn, SECRET } from '../support/printed.js';
import { mostInAnySecond } from '../support/redis-quota.js';
import { isSignedWith } from '../support/received-signature.js';
import { rejectionOf } from '../support/rejection.js';
import {
  type ReceivedRequest,
  respond,
  startScriptedServer,
  vendorAnswer,
} from '../support/scripted-server.js';
import { createService } from '../support/service.js';

const USERS = {
  action: 'GetRoomOnlineUsers',
  version: '2023-11-01',
  query: { AppId: 'app', RoomId: 'CANARY-room' },
};
const BAN = {
  action: 'BanRoomUser',
  version: '2023-11-01',
  body: { AppId: 'app', RoomId: 'room-1', UserId: 'CANARY-user' },
} satisfies OpenApiRequest;
const MESSAGE = { roomId: 'room-1', to: 'alice', message: 'hello' };
/** Of a call whose rate is not what the test is about. */
const FAST = { requestsPerSecond: 10_000 };

const answerOf = (result: unknown): string =>
  JSON.stringify({ ResponseMetadata: { RequestId: '20260101000000ABC' }, Result: result });

/** As a query, they would keep the processor busy for a minute. */
const MANY_LISTS = Array.from({ length: 5_000 }, (_, index) => [`A${index}`, Array<string>(1_000).fill('x')]);

function nested(levels: number): object {
  let body = {};
  for (let level = 1; level < levels; level++) body = { a: body };
  return body;
}
function endless(): object {
  return { toJSON: () => ({ More: endless() }) };
}
function circle(): object {
  const list: unknown[] = [];
  list.push(list);
  return list;
}
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
function raise(message: string): never {
  throw new Error(message);
}

let answer: (response: ServerResponse, request: ReceivedRequest) => void;
let server: Awaited<ReturnType<typeof startScriptedServer>>;
/** Someone else's. */
let other: Awaited<ReturnType<typeof startScriptedServer>>;
let module: TestingModule;
let openApi: RtcOpenApiService;
const start = async (options: Partial<RtcMessagingOptions> = {}): Promise<void> => {
  ({ module } = await createService({
    appId: 'app',
    from: 'server',
    endpoint: server.url,
    credentials: CREDENTIALS,
    timeoutMs: 2_000,
    ...options,
  }));
  openApi = module.get(RtcOpenApiService);
};
beforeEach(async () => {
  answer = respond(200, answerOf({ Answer: 42 }));
  server = await startScriptedServer((response, request) => answer(response, request));
  other = await startScriptedServer(respond(200, answerOf({ Answer: 'of another' })));
  await start();
});
afterEach(async () => {
  await module.close();
  await server.close();
  await other.close();
});

describe('any action', () => {
  it('is called by GET with its query, repeated values in their order, and gives the Result', async () => {
    const query = { AppId: 'app', UserIds: ['b c', 'a', 'ü&='], Limit: 3, All: true, None: undefined };
    expect(await openApi.request({ action: 'GetRoomUsersProperty', version: '2023-11-01', query })).toEqual({
      Answer: 42,
    });
    const [request] = server.received;
    expect(request).toMatchObject({
      method: 'GET',
      body: '',
      url:
        '/?Action=GetRoomUsersProperty&All=true&AppId=app&Limit=3&UserIds=b%20c&UserIds=a&UserIds=%C3%BC%26%3D' +
        '&Version=2023-11-01',
    });
    expect(request!.headers).not.toHaveProperty('content-length');
    expect(isSignedWith(SECRET, request!)).toBe(true);
    expect(isSignedWith('another', request!)).toBe(false);
  });

  it('is called by POST with its body as JSON', async () => {
    await openApi.request(BAN);
    await openApi.request({ ...BAN, body: undefined, method: 'POST' });
    expect(server.received.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/?Action=BanRoomUser&Version=2023-11-01', JSON.stringify(BAN.body)],
      ['POST', '/?Action=BanRoomUser&Version=2023-11-01', '{}'],
    ]);
    expect(server.received.every((request) => isSignedWith(SECRET, request))).toBe(true);
    expect(server.received[0]!.headers['content-type']).toBe('application/json');
  });

  it('gives undefined where the answer has no Result', async () => {
    answer = respond(200, answerOf(undefined));
    expect(await openApi.request(BAN)).toBeUndefined();
  });

  it.each<[string, object, string, string]>([
    ['no action', { action: undefined }, 'action', 'is missing'],
    ['an action with a line break', { action: 'Ban\r\nHost: evil' }, 'action', 'must be 1–64 letters'],
    [
      'an action with another parameter',
      { action: 'Ban&Action=SendUnicast' },
      'action',
      'must be 1–64 letters',
    ],
    ['an action that begins small', { action: 'banRoomUser' }, 'action', 'must be 1–64 letters'],
    ['an action of 65 letters', { action: 'B'.repeat(65) }, 'action', 'must be 1–64 letters'],
    [
      'an action that is an object',
      { action: { toString: () => 'BanRoomUser' } },
      'action',
      'must be a string',
    ],
    ['no version', { version: undefined }, 'version', 'is missing'],
    ['a version in words', { version: 'latest' }, 'version', 'must be a date'],
    ['a version with more', { version: '2023-11-01&X=1' }, 'version', 'must be a date'],
    ['another method', { method: 'DELETE' }, 'method', 'must be GET or POST'],
    ['a method in small letters', { method: 'post' }, 'method', 'must be GET or POST'],
    ['a GET with a body', { method: 'GET' }, 'body', 'must not be given with GET'],
    ['a body that is text', { body: '{}' }, 'body', 'must be an object'],
    ['a body that is a list', { body: [] }, 'body', 'must be an object'],
    ['a body that makes a list of itself', { body: { toJSON: () => [] } }, 'body', 'must be an object'],
    [
      'a body that throws',
      {
        body: {
          toJSON: () => {
            throw new Error('CANARY');
          },
        },
      },
      'body',
      'throws',
    ],
    ['a body that is a Map', { body: new Map([['A', 1]]) }, 'body', 'must be an object of plain fields'],
    ['a body that is a form', { body: new FormData() }, 'body', 'must be an object of plain fields'],
    ['a body that is a Buffer', { body: Buffer.from('{}') }, 'body', 'plain fields, got Uint8Array'],
    ['a body that is a list of floats', { body: new Float64Array(2) }, 'body', 'got Float64Array'],
    ['a body that is memory', { body: new ArrayBuffer(2) }, 'body', 'got ArrayBuffer'],
    [
      'bytes in its body',
      { body: { A: [{ Data: Buffer.from('CANARY') }] } },
      'body',
      'got Uint8Array in Data',
    ],
    ['a Map in its body', { body: { A: new Map([['B', 1]]) } }, 'body', 'got Map in A'],
    ['what is still awaited in its body', { body: { A: Promise.resolve(1) } }, 'body', 'got Promise in A'],
    ['bytes in an odd field', { body: { 'a\nb': new Uint8Array(1) } }, 'body', 'got Uint8Array in a?b'],
    ['a body of 100,000 levels', { body: nested(100_000) }, 'body', 'too deep'],
    ['a body that makes more of itself', { body: endless() }, 'body', 'too deep'],
    ['a body with a circle', { body: { A: circle() } }, 'body', 'a circle'],
    ['a body with a BigInt', { body: { A: 1n } }, 'body', 'a BigInt'],
    ['a body that was taken away', { body: revoked() }, 'body', 'throws'],
    ['a query that is a Map', { query: new Map([['A', 1]]) }, 'query', 'must be a plain object'],
    ['a query that is a URL’s', { query: new URLSearchParams('A=1') }, 'query', 'must be a plain object'],
    ['a query that was taken away', { query: revoked() }, 'query', 'must be a plain object'],
    ['a value that was taken away', { query: { A: revoked() } }, 'query.A', 'must be text'],
    ['an action that was taken away', { action: revoked() }, 'action', 'must be a string'],
    ['a version that was taken away', { version: revoked() }, 'version', 'must be a string'],
    [
      'a list that throws',
      { query: { A: Object.defineProperty([], 0, { get: () => raise('CANARY') }) } },
      'query',
      "can't be read",
    ],
    ['a list of no end', { query: { A: Array(4_000_000_000) } }, 'query.A', 'must have 0–65536 entries'],
    ['many lists', { query: Object.fromEntries(MANY_LISTS) }, 'query', 'must have at most 65536 characters'],
    ['a long value', { query: { A: 'x'.repeat(65_536) } }, 'query', 'must have at most 65536 characters'],
    ['a hole in a list', { query: { A: ['a', undefined] } }, 'query.A', 'must be text'],
    ['a version that is no date', { version: '0000-00-00' }, 'version', 'must be a date'],
    ['a version of a 99th month', { version: '2023-99-99' }, 'version', 'must be a date'],
    ['a query that is text', { query: 'a=b' }, 'query', 'must be a plain object'],
    [
      'Action in the query',
      { query: { Action: 'SendUnicast' } },
      'query.Action',
      'and not Action, Version or X-…',
    ],
    [
      'action in the query',
      { query: { action: 'SendUnicast' } },
      'query.action',
      'and not Action, Version or X-…',
    ],
    [
      'Version in the query',
      { query: { Version: '2020-12-01' } },
      'query.Version',
      'and not Action, Version or X-…',
    ],
    [
      'a signature in the query',
      { query: { 'X-Signature': 'a' } },
      'query.X-Signature',
      'and not Action, Version or X-…',
    ],
    [
      'a small one',
      { query: { 'x-credential': 'a' } },
      'query.x-credential',
      'and not Action, Version or X-…',
    ],
    ['an odd name', { query: { 'a b\n': 'c' } }, 'query.a b?', 'must be a name'],
    ['null for a value', { query: { A: null } }, 'query.A', 'must be text'],
    ['an object for a value', { query: { A: { B: 1 } } }, 'query.A', 'must be text'],
    ['a list in a list', { query: { A: [['B']] } }, 'query.A', 'must be text'],
    ['no number', { query: { A: Number.NaN } }, 'query.A', 'must be text'],
    ['half a character', { query: { A: '\ud800' } }, 'query.A', 'half of a surrogate pair'],
    ['a misspelt field', { params: {} }, 'params', 'is not a known property; there are action'],
  ])('is refused with %s', async (_what, change, path, words) => {
    const error = await rejectionOf<RtcValidationError>(openApi.request({ ...BAN, ...change } as never));
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.issues.map((issue) => issue.path)).toContain(path);
    expect(error.message).toContain(words);
    expect(await leaksIn(error)).toEqual([]);
    expect(server.received).toEqual([]);
  });

  it.each([[undefined], [null], ['BanRoomUser'], [[]], [revoked()]])(
    'is refused where its request is no object (case %#)',
    async (request) => {
      const error = await rejectionOf<RtcValidationError>(openApi.request(request as never));
      expect(error).toBeInstanceOf(RtcValidationError);
      expect(error.issues[0]).toMatchObject({
        path: 'request',
        message: expect.stringMatching(/must be an object|can't be read/),
      });
    },
  );

  it.each([
    ['values', { query: { A: Array(10_000).fill(null) } }, 1],
    ['fields', Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`A${i}`, 1])), 20],
  ])('lists the first problems of many %s', async (_what, change, count) => {
    const error = await rejectionOf<RtcValidationError>(openApi.request({ ...USERS, ...change } as never));
    expect(error.issues).toHaveLength(count);
  });

  it.each([414, 431])('is not tried again after %d', async (status) => {
    answer = respond(status, '');
    expect(await rejectionOf(openApi.request(USERS, FAST))).toMatchObject({ outcome: 'rejected' });
    expect(server.received).toHaveLength(1);
  });

  it('sends fields of any name, at any depth, and as deep as it takes', async () => {
    const text = '{"constructor":{"a":1},"prototype":[{"__proto__":{"b":2}}],"__proto__":{"constructor":3}}';
    await openApi.request({ ...BAN, body: JSON.parse(text) as object });
    await openApi.request({ ...BAN, body: nested(1_000) });
    openApi.axiosRef.interceptors.request.use((config) => {
      config.data = { ...(config.data as object), Added: 1 };
      return config;
    });
    await openApi.request({ ...BAN, body: JSON.parse(text) as object });
    expect(server.received.map(({ body }) => body)).toEqual([
      text,
      JSON.stringify(nested(1_000)),
      text.replace(/}$/, ',"Added":1}'),
    ]);
  });

  it.each([
    [{ requestsPerSecond: 0 }, 'options.requestsPerSecond'],
    [{ timeoutMs: -1 }, 'options.timeoutMs'],
    [{ onUnknown: 'resend' }, 'options.onUnknown'],
    [{ receipt: true }, 'options.receipt'],
    [{ once: true }, 'options.once'],
  ])('is refused with the options %p', async (options, path) => {
    const error = await rejectionOf<RtcValidationError>(openApi.request(USERS, options as never));
    expect(error.issues).toMatchObject([{ path }]);
  });

  it.each([
    ['BatchSendRoomUnicast', 'RoomUnicastService'],
    ['SendRoomUnicast', 'RoomUnicastService'],
    ['SendBroadcast', 'RoomBroadcastService'],
    ['SendUnicast', 'UserUnicastService'],
    ['SENDunicast', 'UserUnicastService'],
  ])('is not %s, which has a service of its own', async (action, service) => {
    const error = await rejectionOf(openApi.request({ ...BAN, action }));
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.message).toContain(service);
    expect(server.received).toEqual([]);
  });
});

describe('the outcome of any action', () => {
  it('is an error with the code where the service refuses, with the key and the fields in none', async () => {
    answer = respond(400, vendorAnswer('InvalidParameter.IllegalRoomID'));
    const error = await rejectionOf<RtcApiError>(openApi.request(USERS));
    expect(error).toBeInstanceOf(RtcApiError);
    expect(error).toMatchObject({
      apiCode: 'InvalidParameter.IllegalRoomID',
      outcome: 'rejected',
      httpStatus: 400,
    });
    expect(await leaksIn(error)).toEqual([]);
  });

  it('shows no code that repeats what was sent, however deep', async () => {
    answer = respond(400, vendorAnswer('Marmalade'));
    const body = { AppId: 'app', Deep: { List: [{ Secret: 'my marmalade recipe' }] } };
    expect(await rejectionOf(openApi.request({ ...BAN, body }))).toMatchObject({ apiCode: 'WithheldCode' });
    const query = { AppId: 'app', Note: 'marmalade' };
    expect(await rejectionOf(openApi.request({ ...USERS, query }))).toMatchObject({
      apiCode: 'WithheldCode',
    });
    expect(await rejectionOf(openApi.request(BAN))).toMatchObject({ apiCode: 'Marmalade' });
  });

  it('hints at the action where that is unknown', async () => {
    answer = respond(404, vendorAnswer('InvalidActionOrVersion'));
    expect(await rejectionOf(openApi.request(BAN))).toMatchObject({
      hint: 'Check the action and its version.',
    });
  });

  it.each<[string, () => void]>([
    ['500', () => (answer = respond(500, vendorAnswer('InternalError')))],
    ['an answer that is none', () => (answer = respond(200, '<html>'))],
    ['a reset', () => (answer = (response) => response.socket?.destroy())],
  ])('is retried after %s with GET, and not with POST', async (_what, spoil) => {
    spoil();
    const spoilt = answer;
    let left = 2;
    answer = (response, request) =>
      left-- > 0
        ? spoilt(response, request)
        : respond(200, answerOf({ Answer: 'at last' }))(response, request);
    expect(await openApi.request(USERS, FAST)).toEqual({ Answer: 'at last' });
    expect(server.received).toHaveLength(3);

    left = 2;
    const error = await rejectionOf(openApi.request(BAN, FAST));
    expect(error).toMatchObject({ outcome: 'unknown', attempts: [{ outcome: 'unknown' }] });
    expect(error.message).not.toContain('message');
    expect(server.received).toHaveLength(4);
  });

  it('is retried with either method where nothing can have arrived', async () => {
    const closed = await startScriptedServer(() => undefined);
    await closed.close();
    await module.close();
    await start({ endpoint: closed.url });
    for (const request of [USERS, BAN]) {
      const error = await rejectionOf<RtcNetworkError>(openApi.request(request, FAST));
      expect(error).toBeInstanceOf(RtcNetworkError);
      expect(error.outcome).toBe('not_attempted');
      expect(error.attempts).toHaveLength(3);
    }
  });

  it('is a timeout or an abort as for messages', async () => {
    answer = () => undefined;
    const error = await rejectionOf(openApi.request(BAN, { timeoutMs: 50 }));
    expect(error).toBeInstanceOf(RtcTimeoutError);
    expect(error).toMatchObject({ outcome: 'unknown' });
    const signal = AbortSignal.timeout(50);
    expect(await rejectionOf(openApi.request(USERS, { signal }))).toBeInstanceOf(RtcAbortedError);
    await module.close();
    expect(await rejectionOf(openApi.request(USERS))).toMatchObject({
      code: 'RTC_ABORTED',
      outcome: 'not_attempted',
    });
  });

  it.each([301, 302, 303, 307, 308])('is not taken elsewhere by a redirect of %d', async (status) => {
    answer = respond(status, '', { Location: `${other.url}/?Action=BanRoomUser` });
    for (const request of [USERS, BAN]) {
      expect(await rejectionOf(openApi.request(request, FAST))).toMatchObject({
        httpStatus: status,
        outcome: 'unknown',
      });
    }
    expect(other.connections).toHaveLength(0);
  });
});

describe('the rate of any action', () => {
  it('is held to the limit of the action, each separate, and separate from that of messages', async () => {
    const times = new Map<string, number[]>();
    answer = (response, request) => {
      const action = new URLSearchParams(request.url.slice(2)).get('Action') ?? '';
      times.set(action, [...(times.get(action) ?? []), performance.now()]);
      respond(200, answerOf({}))(response, request);
    };
    const call = (action: string, requestsPerSecond: number, count: number): Promise<unknown>[] =>
      Array.from({ length: count }, () =>
        openApi.request({ ...USERS, action }, { requestsPerSecond, deadlineMs: 60_000 }),
      );
    await Promise.all([
      ...call('ActionA', 10, 25),
      ...call('ActionB', 40, 60),
      ...Array.from({ length: 100 }, () => module.get(RoomUnicastService).send(MESSAGE)),
    ]);
    expect(mostInAnySecond(times.get('ActionA')!)).toBeLessThanOrEqual(10);
    expect(mostInAnySecond(times.get('ActionB')!)).toBeLessThanOrEqual(40);
    expect(mostInAnySecond(times.get('SendRoomUnicast')!)).toBeGreaterThan(40);
  });

  it('refuses at once a call that would wait for longer than its deadline', async () => {
    const calls = Array.from({ length: 30 }, () => openApi.request(USERS, { deadlineMs: 1_500 }));
    const ends = await Promise.allSettled(calls);
    const refused = ends
      .filter((end) => end.status === 'rejected')
      .map(({ reason }) => reason as { code: string; outcome: string });
    // On a busy machine, some that were let in come too late.
    const atOnce = refused.filter(({ code }) => code === 'RTC_QUOTA');
    expect(atOnce.length).toBeGreaterThan(0);
    expect(atOnce.every(({ outcome }) => outcome === 'not_attempted')).toBe(true);
    expect(server.received.length).toBeLessThanOrEqual(30 - atOnce.length);
  });
});

describe('an interceptor', () => {
  const use = (change: (config: InternalAxiosRequestConfig) => unknown): void =>
    void openApi.axiosRef.interceptors.request.use(change as never);

  it('may change the query, the body and headers, and what it changes is signed', async () => {
    use((config) => {
      config.params = { Added: ['x', 'y'], Empty: '' };
      if (config.method === 'post') config.data = { ...(config.data as object), Note: 'ü' };
      config.headers.set('X-Trace', 'trace-1');
      return config;
    });
    await openApi.request(USERS);
    await openApi.request(BAN);
    const [get, post] = server.received;
    expect(get!.url).toContain('Added%5B%5D=x&Added%5B%5D=y');
    expect(JSON.parse(post!.body)).toEqual({ ...BAN.body, Note: 'ü' });
    for (const request of [get!, post!]) {
      expect(request.headers['x-trace']).toBe('trace-1');
      expect(isSignedWith(SECRET, request)).toBe(true);
    }
  });

  it('may send a body of its own making, byte for byte', async () => {
    const bytes = Buffer.from('{ "AppId" : "app" }');
    use((config) => ({ ...config, data: bytes }));
    await openApi.request(BAN);
    expect(server.received[0]!.body).toBe(bytes.toString());
    expect(isSignedWith(SECRET, server.received[0]!)).toBe(true);
  });

  it('changes nothing of what is sent again after it', async () => {
    use((config) => {
      (config.data as { Count: number }).Count += 1;
      return config;
    });
    answer = respond(429, vendorAnswer('FlowLimitExceeded'));
    await rejectionOf(openApi.request({ ...BAN, body: { Count: 0 } }, { ...FAST, deadlineMs: 5_000 }));
    expect(server.received.length).toBeGreaterThan(1);
    expect(new Set(server.received.map(({ body }) => body))).toEqual(new Set(['{"Count":1}']));
  });

  it.each([
    ['user-agent', 'mine/1'],
    ['accept', 'text/plain'],
    ['accept-encoding', 'gzip'],
  ])('may set %s in small letters', async (name, value) => {
    use((config) => ({ ...config, headers: { ...config.headers, [name]: value } }));
    await openApi.request(BAN);
    expect(server.received[0]!.headers[name]).toBe(value);
  });

  it.each<[string, (config: InternalAxiosRequestConfig) => void]>([
    ['sets to false', (config) => void config.headers.set('Content-Type', false)],
    ['deletes', (config) => void config.headers.delete('Content-Type')],
    ['empties', (config) => void config.headers.set('content-type', '')],
  ])('that %s the content type has it sent as JSON', async (_what, change) => {
    use((config) => {
      change(config);
      return config;
    });
    await openApi.request(BAN);
    expect(server.received[0]!.headers['content-type']).toBe('application/json');
    expect(isSignedWith(SECRET, server.received[0]!)).toBe(true);
  });

  it.each(['Content-Type', 'content-type', 'Trailer', 'trailer', 'TE', 'Keep-Alive'])(
    'has no say in the header %s',
    async (name) => {
      use((config) => {
        config.headers.set(name, 'x');
        return config;
      });
      await openApi.request(BAN);
      expect(server.received[0]!.headers).not.toMatchObject({ [name.toLowerCase()]: 'x' });
    },
  );

  it.each<[string, () => unknown]>([
    ['a form', () => new FormData()],
    ['a form of a URL', () => new URLSearchParams('A=1')],
    ['a Map', () => new Map([['A', 1]])],
    ['a Blob', () => new Blob(['{}'])],
    ['memory', () => new ArrayBuffer(2)],
    ['a function', () => () => ({})],
    ['a number', () => 1],
    ['a circle', () => ({ A: circle() })],
    ['a list', () => [{}]],
    ['an object with bytes', () => ({ A: Buffer.from('{}') })],
  ])('that makes %s of the body sends nothing', async (_what, data) => {
    use((config) => ({ ...config, data: data() }));
    const error = await rejectionOf(openApi.request(BAN));
    expect(error).toMatchObject({ code: 'RTC_NETWORK', outcome: 'not_attempted' });
    expect(error.message).toContain('ChangedRequestError');
    expect(error.message).toContain('config.data must be a plain object, text or bytes');
    expect(server.received).toEqual([]);
  });

  it('is not to blame, and nothing was sent, where Node refuses a request before its first byte', async () => {
    const end = jest.spyOn(ClientRequest.prototype, 'end').mockImplementation(() => raise('CANARY'));
    const error = await rejectionOf(openApi.request(BAN)).finally(() => end.mockRestore());
    expect(error).toMatchObject({ code: 'RTC_NETWORK', outcome: 'not_attempted' });
    expect(server.received).toEqual([]);
  });

  it('does not see, change or delay messages', async () => {
    let seen = 0;
    use(async () => {
      seen += 1;
      await new Promise(() => undefined);
    });
    const receipt = await module.get(RoomUnicastService).send(MESSAGE);
    expect(receipt).not.toHaveProperty('result');
    expect(seen).toBe(0);
    expect(Object.keys(openApi.axiosRef)).toEqual(['interceptors']);
    expect(Object.keys(openApi.axiosRef.interceptors)).toEqual(['request']);
    expect(() => Object.assign(openApi.axiosRef.interceptors, { response: 1 })).toThrow(TypeError);
  });

  it('gets neither key nor signature, then or later', async () => {
    const kept: unknown[] = [];
    use((config) => {
      kept.push(config, config.headers, config.adapter);
      return config;
    });
    await openApi.request(BAN);
    expect(server.received).toHaveLength(1);
    // Its own fields are the app's.
    for (const thing of kept)
      expect(await leaksIn(thing, /CANARY-(secret|session)|Signature=|HMAC-SHA256/)).toEqual([]);
  });

  it.each<[string, (config: InternalAxiosRequestConfig) => unknown]>([
    ['removes', ({ adapter: _adapter, ...config }) => config],
    ["chooses Axios's own as", (config) => ({ ...config, adapter: 'http' })],
    [
      'brings its own as',
      (config) => ({
        ...config,
        adapter: async () => ({ status: 200, data: answerOf({ Answer: 0 }), headers: {} }),
      }),
    ],
  ])('that %s the adapter has the request signed and sent as ever', async (_what, change) => {
    use(change);
    for (const request of [BAN, USERS]) expect(await openApi.request(request)).toEqual({ Answer: 42 });
    expect(server.received.map((request) => isSignedWith(SECRET, request))).toEqual([true, true]);
  });

  it.each<[string, () => unknown]>([
    ['another origin', () => ({ url: other.url, method: 'post', data: BAN.body })],
    ['our own', () => ({ url: server.url, method: 'post' })],
  ])('that returns a config of its own for %s sends nothing, not even unsigned', async (_what, config) => {
    use(config);
    for (const request of [BAN, USERS]) {
      expect(await rejectionOf(openApi.request(request))).toMatchObject({ outcome: 'not_attempted' });
    }
    expect(server.received).toEqual([]);
    expect(other.connections).toHaveLength(0);
  });

  it('that recovers from its own error sends nothing that is not signed', async () => {
    const { request } = openApi.axiosRef.interceptors;
    const options = { synchronous: true };
    request.use(
      () => raise('CANARY'),
      async () => ({ url: server.url, method: 'post' }),
      options,
    );
    expect(await rejectionOf(openApi.request(BAN))).toMatchObject({ outcome: 'not_attempted' });
    expect(server.received).toEqual([]);
  });

  it('runs after those that were added later, and only when it is to', async () => {
    const order: string[] = [];
    const note =
      (name: string) =>
      (config: InternalAxiosRequestConfig): InternalAxiosRequestConfig => {
        order.push(name);
        return config;
      };
    const { request } = openApi.axiosRef.interceptors;
    request.use(note('first'));
    request.use(note('never'), undefined, { runWhen: () => false });
    const ejected = request.use(note('ejected'));
    request.use(note('last'), undefined, { synchronous: true });
    request.eject(ejected);
    await openApi.request(BAN);
    expect(order).toEqual(['last', 'first']);
    request.clear();
    await openApi.request(BAN);
    expect(order).toHaveLength(2);
  });

  it('can eject, clear and reorder interceptors, and the request is signed', async () => {
    const { request } = openApi.axiosRef.interceptors;
    request.eject(0);
    request.clear();
    use((config) => {
      config.headers.set('authorization', 'HMAC-SHA256 of its own');
      config.headers.set('X-Date', '20200101T000000Z');
      config.headers.set('Host', 'elsewhere');
      config.headers.set('Transfer-Encoding', 'chunked');
      return config;
    });
    await openApi.request(BAN);
    expect(isSignedWith(SECRET, server.received[0]!)).toBe(true);
    expect(server.received[0]!.headers.host).toBe(new URL(server.url).host);
    expect(server.received[0]!.body).toBe(JSON.stringify(BAN.body));
  });

  it.each<[string, (config: InternalAxiosRequestConfig) => unknown]>([
    [
      'another origin',
      (config) => ({ ...config, url: `${other.url}/?Action=BanRoomUser&Version=2023-11-01` }),
    ],
    [
      'an origin with the name of ours',
      (config) => ({ ...config, url: config.url!.replace('//', '//user:pass@x.') }),
    ],
    [
      'a base of another origin',
      (config) => ({ ...config, baseURL: other.url, url: '/?Action=BanRoomUser&Version=2023-11-01' }),
    ],
    ['another scheme', (config) => ({ ...config, url: config.url!.replace('http:', 'https:') })],
    ['another port', (config) => ({ ...config, url: config.url!.replace(/:\d+/, ':1') })],
    ['another path', (config) => ({ ...config, url: config.url!.replace('/?', '/admin?') })],
    ['another action', (config) => ({ ...config, url: config.url!.replace('BanRoomUser', 'SendUnicast') })],
    ['an action more', (config) => ({ ...config, params: { Action: 'SendUnicast' } })],
    ['an action in small letters', (config) => ({ ...config, params: { action: 'SendUnicast' } })],
    ['no action', (config) => ({ ...config, url: server.url })],
    ['another version', (config) => ({ ...config, url: config.url!.replace('2023', '2020') })],
    ['a signature in the query', (config) => ({ ...config, params: { 'X-Signature': 'a' } })],
    ['another method', (config) => ({ ...config, method: 'get', data: undefined })],
    ['no config', () => undefined],
    ['a config of nothing', () => ({})],
    ['an abort of its own', (config) => ({ ...config, signal: AbortSignal.abort() })],
    ['a URL that is none', (config) => ({ ...config, url: 'http://[' })],
  ])('that makes it %s sends nothing anywhere', async (_what, change) => {
    use(change);
    const error = await rejectionOf(openApi.request(BAN));
    expect(error).toMatchObject({ code: 'RTC_NETWORK', outcome: 'not_attempted' });
    expect(error.message).toContain('REQUEST_FAILED');
    expect(await leaksIn(error)).toEqual([]);
    expect(server.received).toEqual([]);
    expect(other.connections).toHaveLength(0);
  });

  it('that turns a GET into a POST sends nothing: it would be retried', async () => {
    use((config) => ({ ...config, method: 'post', data: {} }));
    expect(await rejectionOf(openApi.request(USERS))).toMatchObject({ outcome: 'not_attempted' });
    use((config) => ({ ...config, method: 'get', data: { a: 1 } }));
    expect(await rejectionOf(openApi.request(USERS))).toMatchObject({ outcome: 'not_attempted' });
    expect(server.received).toEqual([]);
  });

  it('that hangs is given up when the time is, and what it does later sends nothing', async () => {
    let go: () => void = () => undefined;
    use(async (config) => {
      await new Promise<void>((resolve) => (go = resolve));
      return config;
    });
    const error = await rejectionOf(openApi.request(BAN, { timeoutMs: 50, deadlineMs: 50 }));
    expect(error).toMatchObject({ code: 'RTC_TIMEOUT', outcome: 'not_attempted' });
    expect(error.message).toContain('the interceptors of axiosRef');
    expect(error.message).not.toContain('maxSockets');
    go();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.received).toEqual([]);
  });

  it('has no part in how the answer is read', async () => {
    use((config) => ({
      ...config,
      transformResponse: () => {
        throw new Error('CANARY');
      },
      validateStatus: () => false,
      responseType: 'stream',
      maxRedirects: 5,
      proxy: { host: '127.0.0.1', port: other.port },
    }));
    expect(await openApi.request(BAN)).toEqual({ Answer: 42 });
    expect(other.connections).toHaveLength(0);
  });
});
