import { describe, expect, it } from '@jest/globals';
import { RtcApiError } from '../../lib/errors/rtc-api.error.js';
import { readOnlineUsers, readUserStatuses } from '../../lib/presence/read-presence.js';

const THERE = {
  RoomExists: true,
  TotalUser: 3,
  TotalInvisibleUser: 1,
  VisibleUserList: ['alice', 'bob'],
  InvisibleUserList: ['carol'],
};
const call = { requestId: 'request-1', attempts: [] };
const READ = { users: ['alice', 'bob'], invisible: ['carol'], complete: true };

describe('the users of a room', () => {
  it.each<[string, object, object]>([
    ['as Volcengine has them', THERE, READ],
    ['as BytePlus has them', { ...THERE, RoomExists: undefined, RoomExist: true }, READ],
    ['of a room that is not there', { RoomExists: false }, { users: [], invisible: [], complete: true }],
    ["of BytePlus's that is not there", { RoomExist: false }, { users: [], invisible: [], complete: true }],
    [
      'without lists, which are empty where no one is counted',
      { RoomExists: true, TotalUser: 0, VisibleUserList: null },
      { users: [], invisible: [], complete: true },
    ],
    [
      'without lists of those who are counted',
      { RoomExists: true, TotalUser: 300, TotalInvisibleUser: 0 },
      { users: [], invisible: [], complete: false },
    ],
    [
      'without lists and without counts',
      { RoomExists: true, VisibleUserList: null },
      { users: [], invisible: [], complete: false },
    ],
    [
      'of whom one is listed of 300',
      { RoomExists: true, TotalUser: 300, TotalInvisibleUser: 0, VisibleUserList: ['alice'] },
      { users: ['alice'], invisible: [], complete: false },
    ],
    ['that are more than are counted', { ...THERE, TotalUser: 1 }, READ],
    ['whose count is below zero', { ...THERE, TotalUser: -1 }, { ...READ, complete: false }],
    [
      'whose count of the invisible is below zero',
      { ...THERE, TotalInvisibleUser: -1 },
      { ...READ, complete: false },
    ],
    [
      'of a room that is not there, and in which some are listed',
      { ...THERE, RoomExists: false },
      { ...READ, complete: false },
    ],
    [
      'of a room that is not there, and in which some are counted',
      { RoomExists: false, TotalUser: 2 },
      { users: [], invisible: [], complete: false },
    ],
    ['of a room that is both there and not', { ...THERE, RoomExist: false }, READ],
    [
      'of a room that is both there and not, without lists',
      { RoomExists: true, RoomExist: false },
      { users: [], invisible: [], complete: false },
    ],
    [
      'of a room that is both not there and there',
      { RoomExists: false, RoomExist: true },
      { users: [], invisible: [], complete: false },
    ],
    [
      'without those who are listed twice, who do not stand for others',
      { RoomExists: true, TotalInvisibleUser: 2, VisibleUserList: ['b', 'b'], InvisibleUserList: ['a', 'a'] },
      { users: ['b'], invisible: ['a'], complete: false },
    ],
    [
      'with one who is in both lists, who counts once',
      { ...THERE, InvisibleUserList: ['bob'] },
      { users: ['alice', 'bob'], invisible: ['bob'], complete: false },
    ],
    [
      'of whom fewer are listed than counted',
      { ...THERE, TotalInvisibleUser: 2 },
      { ...READ, complete: false },
    ],
    ['of whom fewer are counted than listed', { ...THERE, TotalInvisibleUser: 0 }, READ],
    ['who are not counted', { ...THERE, TotalInvisibleUser: undefined }, READ],
    ['whose count is no number', { ...THERE, TotalInvisibleUser: '1' }, { ...READ, complete: false }],
  ])('are read %s', (_what, result, read) => {
    expect(readOnlineUsers({ ...call, result })).toEqual(read);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'RoomExists'],
    ['no word on the room', { VisibleUserList: [] }],
    ['a word that is none', { ...THERE, RoomExists: 'true' }],
    ['a list that is none', { ...THERE, VisibleUserList: 'alice' }],
    ['users that are no text', { ...THERE, InvisibleUserList: [{ UserId: 'carol' }] }],
  ])('are not made up from %s', (_what, result) => {
    expect(() => readOnlineUsers({ ...call, result })).toThrow(RtcApiError);
  });
});

describe('a Result that can not be read', () => {
  it.each([
    ['of a room', () => readOnlineUsers({ ...call, result: null })],
    ['of users', () => readUserStatuses({ ...call, result: { UserList: [null] } })],
  ])('is told with the attempts and the request that brought it: %s', (_what, read) => {
    try {
      read();
      throw new Error('It was read.');
    } catch (error) {
      expect(error).toMatchObject({ code: 'RTC_API', ...call });
      expect((error as RtcApiError).attempts).toBe(call.attempts);
    }
  });
});

describe('the status of a user', () => {
  it('is what the service says', () => {
    const UserList = [
      {
        UserID: 'a',
        Status: 1,
        Role: 1,
        LoginTime: 1_700_000_000_000,
        DeviceType: 'android',
        PlatformType: 2,
      },
      { UserID: 'b', Status: 1, Role: 2 },
      { UserID: 'c', Status: 1, Role: 0, LoginTime: 'soon', DeviceType: {}, PlatformType: null },
      { UserID: 'd', Status: 0 },
      { UserID: 'e', Status: 0, Role: 1, LoginTime: 1 },
      { UserID: 'f', Status: 1, Role: 'constructor', LoginTime: 8.64e15 + 1 },
      { UserID: 'g', Status: 1, Role: [1], LoginTime: '1700000000000' },
      { UserID: 'h', Status: 1, LoginTime: true },
      { UserID: 'i', Status: 1, LoginTime: [1_700_000_000_000] },
    ];
    expect(readUserStatuses({ ...call, result: { UserList } })).toEqual([
      [
        'a',
        {
          online: true,
          role: 'visible',
          loginTime: '2023-11-14T22:13:20.000Z',
          deviceType: 'android',
          platformType: 2,
        },
      ],
      ['b', { online: true, role: 'invisible' }],
      ['c', { online: true }],
      ['d', { online: false }],
      ['e', { online: false }],
      ['f', { online: true }],
      ['g', { online: true, loginTime: '2023-11-14T22:13:20.000Z' }],
      ['h', { online: true }],
      ['i', { online: true }],
    ]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['no list', { UserList: null }],
    ['a user without an ID', { UserList: [{ Status: 1 }] }],
    ['a user without a status', { UserList: [{ UserID: 'a' }] }],
    ['a status of another kind', { UserList: [{ UserID: 'a', Status: 2 }] }],
    ['null for a user', { UserList: [null] }],
  ])('is not made up from %s', (_what, result) => {
    expect(() => readUserStatuses({ ...call, result })).toThrow(RtcApiError);
  });
});
