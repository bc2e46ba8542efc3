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
const READ = { users: ['alice', 'bob'], invisible: ['carol'], complete: true };

describe('the users of a room', () => {
  it.each<[string, object, object]>([
    ['as Volcengine has them', THERE, READ],
    ['as BytePlus has them', { ...THERE, RoomExists: undefined, RoomExist: true }, READ],
    ['of a room that is not there', { RoomExists: false }, { users: [], invisible: [], complete: true }],
    ["of BytePlus's that is not there", { RoomExist: false }, { users: [], invisible: [], complete: true }],
    [
      'without lists, which are empty',
      { RoomExists: true, VisibleUserList: null },
      { users: [], invisible: [], complete: true },
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
    expect(readOnlineUsers(result)).toEqual(read);
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
    expect(() => readOnlineUsers(result)).toThrow(RtcApiError);
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
    ];
    expect(readUserStatuses({ UserList })).toEqual([
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
    expect(() => readUserStatuses(result)).toThrow(RtcApiError);
  });
});
