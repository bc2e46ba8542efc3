import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  InjectRoomPresence,
  InjectRtcOpenApi,
  InjectRtcTokens,
  type JoinTokenRequest,
  RoomPresenceService,
  RoomUnicastService,
  RtcMessagingModule,
  RtcOpenApiService,
  RtcTokenService,
  RtcValidationError,
} from 'nestjs-rtc-messaging';
import { RtcEmulator } from 'nestjs-rtc-messaging/emulator';
import { variables } from '../../lib/config/module-option-table.js';
import { PLATFORMS } from '../support/platforms.js';
import { leaksIn } from '../support/printed.js';
import { mostInAnySecond } from '../support/redis-quota.js';
import { rejectionOf } from '../support/rejection.js';
import { respond, startScriptedServer } from '../support/scripted-server.js';
import { createService } from '../support/service.js';
import { startApp, type TestApp } from '../support/test-app.js';

const OTHER = {
  credentials: { accessKeyId: 'other-key', secretAccessKey: 'other-secret' },
  appIds: ['other-app'],
};

@Controller('rooms')
class RoomsController {
  constructor(
    private readonly presence: RoomPresenceService,
    private readonly tokens: RtcTokenService,
    private readonly openApi: RtcOpenApiService,
    private readonly messages: RoomUnicastService,
    @InjectRoomPresence('other') readonly otherPresence: RoomPresenceService,
    @InjectRtcTokens('other') readonly otherTokens: RtcTokenService,
    @InjectRtcOpenApi('other') readonly otherOpenApi: RtcOpenApiService,
  ) {}

  @Get(':roomId/users')
  users(@Param('roomId') roomId: string): Promise<object> {
    return this.presence.onlineUsers(roomId);
  }

  @Get(':roomId/status')
  async status(@Param('roomId') roomId: string, @Query('ids') ids: string): Promise<object> {
    return Object.fromEntries(await this.presence.statusOf(roomId, ids.split(',')));
  }

  @Get(':roomId/raw')
  raw(@Param('roomId') roomId: string): Promise<object> {
    const query = { AppId: 'emulator-app', RoomId: roomId };
    return this.openApi.request({ action: 'GetRoomOnlineUsers', version: '2023-11-01', query });
  }

  @Get('of/other')
  ofOther(): Promise<object> {
    return this.otherPresence.onlineUsers('room-1');
  }

  @Post('tokens')
  @HttpCode(200)
  token(@Body() request: JoinTokenRequest): object {
    return { token: this.tokens.issueJoinToken(request) };
  }

  @Post('announcements')
  @HttpCode(200)
  announce(@Body() { to }: { to: string[] }): Promise<object> {
    return this.messages.fanOut({ roomId: 'room-1', to, message: 'hello', skipAbsent: true });
  }

  @Post('reminders')
  @HttpCode(200)
  remind(@Body() { to }: { to: string[] }): Promise<object> {
    return this.messages.sendEach(
      to.map((user) => ({ roomId: 'room-1', to: user, message: `hello ${user}` })),
    );
  }
}

describe.each(PLATFORMS)('an app on $name', (platform) => {
  let emulator: RtcEmulator;
  let running: TestApp;
  let url: string;
  beforeEach(async () => {
    emulator = await RtcEmulator.start({ requireTokens: true, accounts: [OTHER] });
    running = await startApp(platform, {
      imports: [
        RtcMessagingModule.forRoot(emulator.moduleOptions()),
        RtcMessagingModule.forRoot({
          name: 'other',
          appId: 'other-app',
          from: 'server',
          endpoint: emulator.url,
          credentials: OTHER.credentials,
        }),
      ],
      controllers: [RoomsController],
    });
    url = await running.app.getUrl();
  });
  afterEach(async () => {
    await running.app.close();
    await emulator.close();
  });
  const get = async (path: string): Promise<object> =>
    (await (await fetch(`${url}/rooms/${path}`)).json()) as object;
  const post = async (path: string, body: object) => (await running.post(`/rooms/${path}`, body)).body;

  it('lets clients in with its tokens, lists who is there, and sends to them only', async () => {
    expect(await get('room-1/users')).toMatchObject({ users: [], invisible: [], complete: true });
    for (const userId of ['alice', 'bob']) {
      const { token } = await post('tokens', { userId, roomId: 'room-1', expiresInSeconds: 60 });
      emulator.room('room-1').join(userId, { token, invisible: userId === 'bob' });
    }
    expect(await get('room-1/users')).toEqual({
      users: ['alice'],
      invisible: ['bob'],
      complete: true,
      askedAt: expect.stringMatching(/^20.*Z$/),
    });
    expect(await get('room-1/status?ids=alice,bob,carol')).toEqual({
      alice: { online: true, role: 'visible', loginTime: expect.any(String) },
      bob: { online: true, role: 'invisible', loginTime: expect.any(String) },
      carol: { online: false },
    });
    expect(await get('room-1/raw')).toMatchObject({ RoomExists: true, VisibleUserList: ['alice'] });
    expect(await get('of/other')).toMatchObject({ users: ['alice'] });

    const to = Array.from({ length: 2_000 }, (_, index) => `user-${index}`);
    expect(await post('announcements', { to: [...to, 'alice', 'bob'] })).toMatchObject({
      presence: 'used',
      requests: 1,
      counts: { input: 2_002, absent: 2_000, accepted: 2 },
    });
    expect(await post('reminders', { to: ['alice', 'bob'] })).toMatchObject({ counts: { accepted: 2 } });
    const received = emulator
      .room('room-1')
      .participant('bob')
      ?.received.map(({ message }) => message);
    expect(received).toEqual(['hello', 'hello bob']);
  });
});

describe('presence at the emulator', () => {
  let emulator: RtcEmulator;
  let presence: RoomPresenceService;
  let close: () => Promise<void>;
  const start = async (region?: string): Promise<void> => {
    const { module } = await createService({
      ...emulator.moduleOptions(),
      ...(region && { region }),
      deadlineMs: 30_000,
    });
    presence = module.get(RoomPresenceService);
    close = () => module.close();
  };
  beforeEach(async () => {
    emulator = await RtcEmulator.start();
    await start();
  });
  afterEach(async () => {
    await close();
    await emulator.close();
  });

  it('is read with the field names of BytePlus, too', async () => {
    await close();
    await start('ap-singapore-1');
    expect(await presence.onlineUsers('room-1')).toMatchObject({ users: [], complete: true });
    emulator.room('room-1').join('alice');
    expect(await presence.onlineUsers('room-1')).toMatchObject({ users: ['alice'], complete: true });
  });

  it('has the faults of its action alone', async () => {
    emulator.faults.add({ kind: 'error', code: 'FailToConnect', match: { action: 'GetRoomOnlineUsers' } });
    expect(await presence.statusOf('room-1', ['alice'])).toEqual(new Map([['alice', { online: false }]]));
    expect((await presence.onlineUsers('room-1')).users).toEqual([]);
    expect(emulator.requests.map(({ outcome }) => outcome)).toEqual(['accepted', 'refused', 'accepted']);
  });

  it('is not complete where more watch unseen than the service lists', async () => {
    const room = emulator.room('room-1');
    for (let user = 0; user < 10_000; user++) room.join(`user-${user}`, { invisible: true });
    expect((await presence.onlineUsers('room-1')).complete).toBe(true);
    room.join('one-more', { invisible: true });
    const { invisible, complete } = await presence.onlineUsers('room-1');
    expect(complete).toBe(false);
    expect(invisible).toHaveLength(10_000);
  });

  it('is asked about ten users a request, each once, and never too fast', async () => {
    emulator.room('room-1').join('user-7');
    const ids = Array.from({ length: 95 }, (_, index) => `user-${index % 90}`);
    const [statuses] = await Promise.all([
      presence.statusOf('room-1', ids),
      ...Array.from({ length: 60 }, () => presence.onlineUsers('room-1')),
    ]);
    expect(statuses.size).toBe(90);
    expect([...statuses].filter(([, { online }]) => online).map(([id]) => id)).toEqual(['user-7']);
    const requestsOf = (action: string) => emulator.requests.filter(({ url }) => url.includes(action));
    expect(requestsOf('GetRoomUsersProperty')).toHaveLength(9);
    expect(emulator.requests.every(({ outcome }) => outcome === 'accepted')).toBe(true);
    const times = requestsOf('GetRoomOnlineUsers').map(({ at }) => at.getTime());
    expect(mostInAnySecond(times)).toBeLessThanOrEqual(40);
    expect((await presence.statusOf('room-1', [])).size).toBe(0);
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a room that is none', () => presence.onlineUsers('a b'), 'roomId'],
    ['no room', () => presence.statusOf(undefined as never, ['alice']), 'roomId'],
    ['users that are no list', () => presence.statusOf('room-1', 'alice' as never), 'userIds'],
    [
      'users that throw when they are read',
      () =>
        presence.statusOf(
          'room-1',
          new Proxy([] as string[], {
            get: () => {
              throw new Error('CANARY');
            },
          }),
        ),
      'userIds',
    ],
    ['a user that is none', () => presence.statusOf('room-1', ['alice', 'a b']), 'userIds[1]'],
    // oxlint-disable-next-line no-sparse-arrays
    ['a hole among the users', () => presence.statusOf('room-1', ['alice', , 'bob'] as never), 'userIds[1]'],
    [
      'an unknown option',
      () => presence.onlineUsers('room-1', { onUnknown: 'resend' } as never),
      'options.onUnknown',
    ],
    [
      'an unknown option, even of no one',
      () => presence.statusOf('room-1', [], { bogus: 1 } as never),
      'options.bogus',
    ],
  ])('is not asked about %s', async (_what, ask, path) => {
    const error = await rejectionOf<RtcValidationError>(ask());
    expect(error).toBeInstanceOf(RtcValidationError);
    expect(error.issues).toMatchObject([{ path }]);
    expect(emulator.requests).toEqual([]);
  });

  it('answers hostile lists and rooms with errors of its own, and at once', async () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    const throwing = Object.defineProperty(['alice'], 0, {
      get: () => {
        throw new Error('Gotcha');
      },
    });
    const endless = new Proxy([], { get: (_list, name) => (name === 'length' ? Infinity : 'alice') });
    const huge = Array<string>(2e7);
    const began = performance.now();
    for (const ids of [proxy, throwing, endless, huge, Array<string>(10_001).fill('alice')]) {
      const error = await rejectionOf<RtcValidationError>(presence.statusOf('room-1', ids));
      expect(error).toBeInstanceOf(RtcValidationError);
      expect(error.issues).toMatchObject([{ path: 'userIds' }]);
    }
    expect(performance.now() - began).toBeLessThan(20_000);
    const many = await rejectionOf<RtcValidationError>(
      presence.statusOf('a b', Array<string>(10_000).fill('a b')),
    );
    expect(many.issues).toHaveLength(20);
    const room = await rejectionOf<RtcValidationError>(presence.onlineUsers(proxy as never));
    expect(room.issues).toMatchObject([{ path: 'roomId' }]);
    expect(emulator.requests).toEqual([]);
  });

  it('has one deadline for all the requests of a question', async () => {
    const ids = Array.from({ length: 300 }, (_, index) => `user-${index}`);
    const error = await rejectionOf<Error & { code: string }>(
      presence.statusOf('room-1', ids, { deadlineMs: 1_200 }),
    );
    expect(['RTC_TIMEOUT', 'RTC_QUOTA']).toContain(error.code);
    // With a deadline for each, all 30 would be asked, at ten a second.
    expect(emulator.requests.length).toBeLessThanOrEqual(20);
  });

  it('has, by default, as much time as the limit asks for', async () => {
    await close();
    const { module } = await createService({ ...emulator.moduleOptions(), deadlineMs: 900 });
    const ids = Array.from({ length: 210 }, (_, index) => `user-${index}`);
    expect((await module.get(RoomPresenceService).statusOf('room-1', ids)).size).toBe(210);
    await module.close();
    await start();
  });

  it('has the limits of the vendor, and its rules', async () => {
    const { module } = await createService(emulator.moduleOptions());
    const openApi = module.get(RtcOpenApiService);
    const ask = (action: string, query: object, method: 'GET' | 'POST' = 'GET') =>
      rejectionOf<Error & { apiCode: string }>(
        openApi.request(
          {
            action,
            version: '2023-11-01',
            method,
            query: { AppId: 'emulator-app', RoomId: 'room-1', ...query },
          },
          { requestsPerSecond: 10_000, deadlineMs: 500 },
        ),
      ).then(({ apiCode }) => apiCode);
    expect(await ask('GetRoomOnlineUsers', { RoomId: 'a b' })).toBe('InvalidParameter.IllegalRoomID');
    expect(await ask('GetRoomOnlineUsers', { AppId: 'no-app' })).toBe('InvalidParameter.NotExistAppId');
    expect(await ask('GetRoomOnlineUsers', {}, 'POST')).toBe('MethodNotAllowed');
    expect(await ask('GetRoomUsersProperty', {})).toBe('InvalidParameter');
    const eleven = Array.from({ length: 11 }, (_, index) => `user-${index}`);
    expect(await ask('GetRoomUsersProperty', { UserIds: eleven })).toBe('InvalidParameter');
    const ends = await Promise.allSettled(
      Array.from({ length: 30 }, () =>
        openApi.request(
          {
            action: 'GetRoomUsersProperty',
            version: '2023-11-01',
            query: { AppId: 'emulator-app', RoomId: 'room-1', UserIds: 'alice' },
          },
          { requestsPerSecond: 10_000, deadlineMs: 400 },
        ),
      ),
    );
    const codes = ends.flatMap((end) =>
      end.status === 'rejected' ? [(end.reason as { apiCode: string }).apiCode] : [],
    );
    expect(codes).toContain('FlowLimitExceeded.QPSOverLimit');
    await module.close();
  });
});

describe('the status of users', () => {
  it('is of those alone who were asked about, and the last if there are two', async () => {
    const UserList = [
      { UserID: 'alice', Status: 0 },
      { UserID: 'mallory', Status: 1 },
      { UserID: 'alice', Status: 1 },
    ];
    const answer = { ResponseMetadata: { RequestId: '20260101000000ABC' }, Result: { UserList } };
    const server = await startScriptedServer(respond(200, JSON.stringify(answer)));
    const { module } = await createService({
      appId: 'app',
      endpoint: server.url,
      credentials: OTHER.credentials,
    });
    const statuses = await module.get(RoomPresenceService).statusOf('room-1', ['alice', 'bob']);
    expect(statuses).toEqual(new Map([['alice', { online: true }]]));
    await module.close();
    await server.close();
  });
});

describe('tokens at the emulator', () => {
  let emulator: RtcEmulator;
  let tokens: RtcTokenService;
  let close: () => Promise<void>;
  beforeEach(async () => {
    emulator = await RtcEmulator.start({ requireTokens: true });
    const { module } = await createService(emulator.moduleOptions());
    tokens = module.get(RtcTokenService);
    close = () => module.close();
  });
  afterEach(async () => {
    await close();
    await emulator.close();
  });
  const joinToken = (change: object = {}): string =>
    tokens.issueJoinToken({
      userId: 'alice',
      roomId: 'room-1',
      expiresInSeconds: 60,
      ...change,
    } as JoinTokenRequest);

  it('let their user into their room, or into any, and are shown as what they say', async () => {
    const alice = emulator.room('room-1').join('alice', { token: joinToken() });
    expect(alice.token).toMatchObject({ userId: 'alice', roomId: 'room-1', privileges: [4] });
    const anyRoom = joinToken({ roomId: undefined, anyRoom: true, privileges: ['publish', 'subscribe'] });
    expect(emulator.room('room-2').join('alice', { token: anyRoom }).token).toMatchObject({
      roomId: '*',
      privileges: [0, 1, 2, 3, 4],
    });
    emulator.login('alice', { token: tokens.issueLoginToken({ userId: 'alice', expiresInSeconds: 60 }) });
    const shown = await (await fetch(`${emulator.url}/__emulator/rooms/room-1/users/alice`)).text();
    expect(JSON.parse(shown)).toMatchObject({
      roomId: 'room-1',
      userId: 'alice',
      invisible: false,
      token: { userId: 'alice', roomId: 'room-1', privileges: [4], expireAt: expect.any(String) },
    });
    expect(shown).not.toContain(joinToken().slice(0, 20));
    expect(await leaksIn(emulator, /emulator-app-key/)).toEqual([]);
  });

  it.each<[string, () => void, string]>([
    ['no token', () => emulator.room('room-1').join('alice'), 'is missing'],
    ["another's", () => emulator.room('room-1').join('bob', { token: joinToken() }), 'of another user'],
    [
      'one for another room',
      () => emulator.room('room-2').join('alice', { token: joinToken() }),
      'for another room',
    ],
    ['one to join', () => emulator.login('alice', { token: joinToken() }), 'for another room'],
    [
      'one for any room',
      () => emulator.login('alice', { token: joinToken({ roomId: undefined, anyRoom: true }) }),
      'for another room',
    ],
    [
      'one to log in',
      () =>
        emulator
          .room('room-1')
          .join('alice', { token: tokens.issueLoginToken({ userId: 'alice', expiresInSeconds: 60 }) }),
      'for another room',
    ],
    [
      'one that is cut',
      () => emulator.room('room-1').join('alice', { token: joinToken().slice(0, -8) }),
      'token: ',
    ],
    ['nonsense', () => emulator.room('room-1').join('alice', { token: 'nonsense' }), 'none of this app'],
    [
      'one that was changed',
      () => {
        const token = joinToken();
        const at = 40;
        const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
        emulator.room('room-1').join('alice', { token: changed });
      },
      'not signed',
    ],
  ])('refuse %s', (_what, join, problem) => {
    expect(join).toThrow(problem);
    expect(emulator.room('room-1').participants).toEqual([]);
  });

  it('are valid until they expire, by the clock of the service', () => {
    const token = joinToken({ expiresInSeconds: 60 });
    emulator.clock.offsetMs = 58_000;
    emulator.room('room-1').join('alice', { token });
    emulator.clock.offsetMs = 61_000;
    expect(() => emulator.room('room-1').join('alice', { token })).toThrow('has expired');
  });

  it('are asked for over WebSocket and in the control API', async () => {
    const at = (token?: string): string =>
      `${emulator.url.replace('http', 'ws')}/rooms/room-1?userId=alice${token ? `&token=${encodeURIComponent(token)}` : ''}`;
    const refused = new WebSocket(at());
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(401);
    refused.on('error', () => undefined);
    refused.terminate();
    const client = new WebSocket(at(joinToken()));
    await once(client, 'open');
    expect(emulator.room('room-1').participant('alice')?.token).toMatchObject({ userId: 'alice' });
    client.close();

    const put = (body: object) =>
      fetch(`${emulator.url}/__emulator/rooms/room-2/users/alice`, {
        method: 'PUT',
        body: JSON.stringify(body),
      });
    expect((await put({})).status).toBe(401);
    expect((await put({ token: 7 })).status).toBe(400);
    expect((await put({ token: joinToken() })).status).toBe(401);
    expect((await put({ token: joinToken({ roomId: 'room-2' }), invisible: true })).status).toBe(200);
    expect(emulator.room('room-2').participant('alice')).toMatchObject({ invisible: true });
  });

  it('are checked where they are not asked for, too', async () => {
    const open = await RtcEmulator.start();
    expect(open.room('room-1').join('alice').token).toBeUndefined();
    expect(() => open.room('room-1').join('alice', { token: 'nonsense' })).toThrow('none of this app');
    await open.close();
  });

  it('come from the variables that the emulator names', () => {
    expect(variables().appKey).toBe('RTC_APP_KEY');
    expect(emulator.moduleOptions()).toHaveProperty('appKey', 'emulator-app-key');
  });
});
