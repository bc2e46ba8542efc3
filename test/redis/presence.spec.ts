import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Test, type TestingModule } from '@nestjs/testing';
import { RoomPresenceService, RtcMessagingModule } from 'nestjs-rtc-messaging';
import { RedisQuota } from 'nestjs-rtc-messaging/redis';
import { type StartedRedis, startRedis } from '../support/redis.js';
import { mostInAnySecond, uniqueName } from '../support/redis-quota.js';
import { respond, startScriptedServer } from '../support/scripted-server.js';

const ANSWERS: Readonly<Record<string, object>> = {
  GetRoomOnlineUsers: { RoomExists: true, VisibleUserList: ['alice'] },
  GetRoomUsersProperty: { UserList: [{ UserID: 'alice', Status: 1 }] },
};

let redis: StartedRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const modules: TestingModule[] = [];
afterEach(async () => {
  for (const module of modules.splice(0)) await module.close();
});

describe('the limits of presence over Redis', () => {
  it('are shared by processes, each action by itself', async () => {
    const times = new Map<string, number[]>(Object.keys(ANSWERS).map((action) => [action, []]));
    const server = await startScriptedServer((response, request) => {
      const action = new URLSearchParams(request.url.slice(2)).get('Action') ?? '';
      times.get(action)?.push(performance.now());
      const answer = { ResponseMetadata: { RequestId: '20260101000000ABC' }, Result: ANSWERS[action] };
      respond(200, JSON.stringify(answer))(response, request);
    });
    const account = uniqueName();
    // Each has a store of its own, as each process has.
    for (const _ of [1, 2]) {
      const store = new RedisQuota({ connection: redis.url, account });
      modules.push(
        await Test.createTestingModule({
          imports: [
            RtcMessagingModule.forRoot({
              appId: 'app',
              endpoint: server.url,
              credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
              deadlineMs: 60_000,
              quota: { store },
            }),
          ],
        }).compile(),
      );
    }
    const users = Array.from({ length: 200 }, (_, index) => `user-${index}`);
    await Promise.all(
      modules.flatMap((module) => {
        const presence = module.get(RoomPresenceService);
        return [
          presence.statusOf('room-1', users),
          ...Array.from({ length: 60 }, () => presence.onlineUsers('room-1')),
        ];
      }),
    );
    expect(times.get('GetRoomOnlineUsers')).toHaveLength(120);
    expect(times.get('GetRoomUsersProperty')).toHaveLength(40);
    expect(mostInAnySecond(times.get('GetRoomOnlineUsers')!)).toBeLessThanOrEqual(40);
    expect(mostInAnySecond(times.get('GetRoomUsersProperty')!)).toBeLessThanOrEqual(10);
    await server.close();
  });
});
