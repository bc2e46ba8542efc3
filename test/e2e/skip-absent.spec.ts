import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { TestingModule } from '@nestjs/testing';
import type { ServerResponse } from 'node:http';
import {
  type FanOutOptions,
  type FanOutReport,
  RoomPresenceService,
  RoomUnicastService,
  type RtcNetworkError,
  RtcOpenApiService,
  RtcValidationError,
} from 'nestjs-rtc-messaging';
import { Sender } from '../../lib/retry/sender.js';
import { rejectionOf } from '../support/rejection.js';
import { respond, startScriptedServer, vendorAnswer } from '../support/scripted-server.js';
import { createService } from '../support/service.js';
import { until } from '../support/until.js';

const ALL = Array.from({ length: 20_000 }, (_, index) => `user-${index}`);
const THERE = ALL.filter((_, index) => index % 67 === 0).slice(0, 299);
const LIST = {
  RoomExists: true,
  TotalInvisibleUser: 1,
  VisibleUserList: [...THERE, 'someone-else'],
  InvisibleUserList: ['user-1'],
};

let answerPresence: (response: ServerResponse) => void;
let server: Awaited<ReturnType<typeof startScriptedServer>>;
let module: TestingModule;
const actions = (): string[] =>
  server.received.map(({ url }) => new URLSearchParams(url.slice(2)).get('Action') ?? '');
const countOf = (action: string): number => actions().filter((name) => name === action).length;
const list = (change: object) => (response: ServerResponse) => {
  const answer = { ResponseMetadata: { RequestId: '20260101000000ABC' }, Result: { ...LIST, ...change } };
  respond(200, JSON.stringify(answer))(response, undefined as never);
};
beforeEach(async () => {
  answerPresence = list({});
  server = await startScriptedServer((response, request) => {
    if (request.url.includes('GetRoomOnlineUsers')) answerPresence(response);
    else respond(200, vendorAnswer())(response, request);
  });
  ({ module } = await createService({
    appId: 'app',
    from: 'server',
    endpoint: server.url,
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  }));
});
afterEach(async () => {
  await module.close();
  await server.close();
});
const fanOut = (to: Iterable<string> = ALL, options: FanOutOptions = {}): Promise<FanOutReport> =>
  module
    .get(RoomUnicastService)
    .fanOut({ roomId: 'room-1', to, message: 'hello', skipAbsent: true }, options);
const sum = (counts: FanOutReport['counts']): number =>
  Object.values({ ...counts, input: 0 }).reduce((total, count) => total + count, 0);

describe('a fan-out that skips who is absent', () => {
  it('asks once, and sends one request to the 300 who are there of 20,000', async () => {
    const report = await fanOut();
    expect(report).toMatchObject({
      status: 'accepted',
      presence: 'used',
      requests: 1,
      counts: { input: 20_000, absent: 19_700, accepted: 300, duplicates: 0, invalid: 0 },
    });
    expect(sum(report.counts)).toBe(report.counts.input);
    expect(actions()).toEqual(['GetRoomOnlineUsers', 'BatchSendRoomUnicast']);
    const { To } = JSON.parse(server.received[1]!.body) as { To: string[] };
    expect(new Set(To)).toEqual(new Set([...THERE, 'user-1']));
  });

  it('counts everyone once: absent, invalid, named twice and accepted', async () => {
    const progress: number[] = [];
    const report = await fanOut(['user-0', 'user-0', 'no such user', 'user-2', 'user-2', 'user-1'], {
      onProgress: ({ done }) => progress.push(done),
    });
    expect(report.counts).toEqual({
      input: 6,
      absent: 2,
      duplicates: 1,
      invalid: 1,
      accepted: 2,
      rejected: 0,
      unknown: 0,
      notAttempted: 0,
    });
    expect(progress.at(-1)).toBe(6);
  });

  it('sends nothing where no one is there, also if the room is not', async () => {
    answerPresence = list({
      RoomExists: false,
      TotalInvisibleUser: undefined,
      VisibleUserList: undefined,
      InvisibleUserList: undefined,
    });
    const report = await fanOut(['alice', 'bob']);
    expect(report).toMatchObject({
      status: 'accepted',
      presence: 'used',
      counts: { absent: 2, accepted: 0 },
    });
    expect(actions()).toEqual(['GetRoomOnlineUsers']);
  });

  it.each<[FanOutReport['presence'], string, () => void]>([
    [
      'incomplete',
      'lists fewer invisible users than it counts',
      () => (answerPresence = list({ TotalInvisibleUser: 2 })),
    ],
    [
      'incomplete',
      'lists no one of those whom it counts',
      () =>
        (answerPresence = list({
          TotalUser: 300,
          TotalInvisibleUser: 0,
          VisibleUserList: undefined,
          InvisibleUserList: undefined,
        })),
    ],
    [
      'incomplete',
      'says that the room is not there, and who is in it',
      () => (answerPresence = list({ RoomExists: false })),
    ],
    ['timed_out', 'does not answer', () => (answerPresence = () => undefined)],
    [
      'failed',
      'refuses',
      () =>
        (answerPresence = (response) =>
          respond(403, vendorAnswer('AccessDenied'))(response, undefined as never)),
    ],
    ['failed', 'says what can not be read', () => (answerPresence = list({ VisibleUserList: 7 }))],
    [
      'failed',
      'is asked too fast',
      () =>
        (answerPresence = (response) =>
          respond(429, vendorAnswer('FlowLimitExceeded'))(response, undefined as never)),
    ],
  ])('sends to everyone, and says "%s", where the service %s', async (presence, _what, spoil) => {
    spoil();
    const began = performance.now();
    const report = await fanOut(ALL.slice(0, 1_500));
    expect(report).toMatchObject({
      status: 'accepted',
      counts: { input: 1_500, absent: 0, accepted: 1_500 },
    });
    expect(['failed', 'timed_out']).toContain(presence === 'incomplete' ? 'failed' : presence);
    if (presence === 'failed') expect(['failed', 'timed_out']).toContain(report.presence);
    else expect(report.presence).toBe(presence);
    expect(countOf('BatchSendRoomUnicast')).toBe(3);
    // On a busy machine, too, below what a call may take.
    expect(performance.now() - began).toBeLessThan(12_000);
  });

  it('sends to everyone where an interceptor hangs', async () => {
    module.get(RtcOpenApiService).axiosRef.interceptors.request.use(() => new Promise(() => undefined));
    expect(await fanOut(['alice'])).toMatchObject({ presence: 'timed_out', counts: { accepted: 1 } });
    expect(actions()).toEqual(['BatchSendRoomUnicast']);
  });

  it('stops while it asks as at any other time', async () => {
    answerPresence = () => undefined;
    const signal = AbortSignal.timeout(50);
    expect(await fanOut(ALL, { signal })).toMatchObject({
      status: 'aborted',
      stop: { reason: 'aborted' },
      // Rather than timed out, after the question's own second.
      presenceError: { code: 'RTC_ABORTED' },
      counts: { input: 0, absent: 0, notAttempted: 0 },
    });
    expect(countOf('BatchSendRoomUnicast')).toBe(0);
  });

  it('breaks off its question when it is stopped', async () => {
    let closed = false;
    answerPresence = (response) => response.on('close', () => (closed = true));
    const report = await fanOut(ALL, { signal: AbortSignal.timeout(200) });
    expect(sum(report.counts)).toBe(report.counts.input);
    expect(report).toMatchObject({ presence: 'failed', presenceError: { code: 'RTC_ABORTED' } });
    await until(() => closed);
    expect(module.get(Sender).condition.inFlight).toBe(0);
  });

  it('holds up the shutdown of the app for a second at most, and sends nothing then', async () => {
    answerPresence = () => undefined;
    const began = performance.now();
    const sending = fanOut();
    await until(() => countOf('GetRoomOnlineUsers') === 1);
    await module.close();
    expect(await sending).toMatchObject({
      status: 'aborted',
      stop: { reason: 'shutdown' },
      counts: { absent: 0, accepted: 0, unknown: 0 },
    });
    // Far below what a call may take.
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(countOf('BatchSendRoomUnicast')).toBe(0);
  });

  it('counts its question toward the time of the fan-out', async () => {
    answerPresence = () => undefined;
    let hasOther = false;
    const other = fanOut(['alice']).then(() => (hasOther = true));
    expect(await fanOut(ALL, { deadlineMs: 100 })).toMatchObject({
      status: 'aborted',
      stop: { reason: 'deadline' },
      presence: 'timed_out',
    });
    // Before the question of one that began earlier has had its own second.
    expect(hasOther).toBe(false);
    await other;
  });

  it('says that the list was too late where the limit has no place for it within a second', async () => {
    const presence = module.get(RoomPresenceService);
    const questions = Array.from({ length: 100 }, () =>
      presence.onlineUsers('room-2').catch(() => undefined),
    );
    const report = await fanOut(['alice']);
    expect(report).toMatchObject({
      presence: 'timed_out',
      presenceError: { code: 'RTC_QUOTA' },
      counts: { accepted: 1 },
    });
    await Promise.all(questions);
  });

  it('says why the question failed', async () => {
    answerPresence = (response) => respond(403, vendorAnswer('AccessDenied'))(response, undefined as never);
    expect(await fanOut(['alice'])).toMatchObject({
      presence: 'failed',
      presenceError: { code: 'RTC_API', apiCode: 'AccessDenied' },
    });
  });

  it('reads as many users as a room may have, with the longest IDs', async () => {
    const users = Array.from({ length: 20_000 }, (_, index) => String(index).padStart(128, 'u'));
    answerPresence = list({ VisibleUserList: users, TotalUser: 20_001 });
    expect(await fanOut(['absent', users[0] ?? ''])).toMatchObject({
      presence: 'used',
      counts: { absent: 1, accepted: 1 },
    });
  });

  it('asks once where the list is too large to be read', async () => {
    answerPresence = list({ VisibleUserList: ['u'.repeat(17_000_000)] });
    const error = await rejectionOf<RtcNetworkError>(
      module.get(RoomPresenceService).onlineUsers('room-1', { deadlineMs: 20_000 }),
    );
    expect(error).toMatchObject({ code: 'RTC_NETWORK', attempts: [{ failure: 'RESPONSE_TOO_LARGE' }] });
    expect(error.attempts).toHaveLength(1);
    expect(error.message).toMatch(/no result was received/);
    expect(error.message).not.toContain('accepted');
    expect(error.hint).toContain('http.maxContentLength');
    expect(countOf('GetRoomOnlineUsers')).toBe(1);
  });

  it('is not the default: no one is asked, and no one is called absent', async () => {
    const service = module.get(RoomUnicastService);
    for (const skipAbsent of [undefined, false]) {
      const report = await service.fanOut({ roomId: 'room-1', to: ['alice'], message: 'hello', skipAbsent });
      expect(report).not.toHaveProperty('presence');
      expect(report.counts).not.toHaveProperty('absent');
    }
    expect(countOf('GetRoomOnlineUsers')).toBe(0);
    const request = { roomId: 'room-1', to: ['alice'], message: 'hello', skipAbsent: 'yes' as never };
    const error = await rejectionOf<RtcValidationError>(service.fanOut(request));
    expect(error.issues).toEqual([{ path: 'skipAbsent', message: 'must be true or false' }]);
  });
});
