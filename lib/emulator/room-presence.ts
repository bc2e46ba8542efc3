import { isId } from '../dto/field-rules.js';
import { regionOf } from './authenticate.js';
import { PRESENCE_LIMITS, type PresenceAction } from './emulated-action.js';
import type { EmulatorState } from './emulator-state.js';
import { check } from './http-error.js';
import { checkApp } from './read-message.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

const MAX_LISTED_INVISIBLE = 10_000;
const MAX_USERS = 10;
/** BytePlus's, which has another word for whether a room is there. */
const BYTEPLUS_REGION = 'ap-singapore-1';

/**
 * Answers who is in a room (6348/1188355, 6348/1585134).
 * @throws ApiError beyond the action's limit, or when something is wrong with the query
 */
export function answerPresence(
  state: EmulatorState,
  action: PresenceAction,
  { query, headers }: ReceivedRequest,
  account: EmulatorAccount,
): unknown {
  const limit = PRESENCE_LIMITS[action];
  const isAdmitted = state.windows.of(action, account.credentials.accessKeyId).admit(limit);
  check(isAdmitted, 'FlowLimitExceeded.QPSOverLimit', `More than ${limit} requests in a second.`);
  checkApp(query.get('AppId') ?? '', account, state.options().accounts);
  const roomId = query.get('RoomId') ?? '';
  check(isId(roomId), 'InvalidParameter.IllegalRoomID', 'RoomId is illegal.');
  const room = state.room(roomId);
  if (action === 'GetRoomUsersProperty') {
    const ids = query.getAll('UserIds');
    const isLegal = ids.length > 0 && ids.length <= MAX_USERS && ids.every(isId);
    check(isLegal, 'InvalidParameter', `UserIds takes 1–${MAX_USERS} user IDs.`);
    const propertyOf = (id: string): object => {
      const participant = room.participant(id);
      if (participant === undefined) return { UserID: id, Status: 0 };
      const { invisible, joinedAt } = participant;
      return { UserID: id, Status: 1, Role: invisible ? 2 : 1, LoginTime: joinedAt + state.clock.offsetMs };
    };
    return { UserList: ids.map(propertyOf) };
  }
  const { participants } = room;
  const exists = regionOf(headers) === BYTEPLUS_REGION ? 'RoomExist' : 'RoomExists';
  if (participants.length === 0) return { [exists]: false };
  const idsOf = (isInvisible: boolean): string[] =>
    participants.filter(({ invisible }) => invisible === isInvisible).map(({ userId }) => userId);
  const invisible = idsOf(true);
  return {
    [exists]: true,
    TotalUser: participants.length,
    TotalInvisibleUser: invisible.length,
    VisibleUserList: idsOf(false),
    InvisibleUserList: invisible.slice(0, MAX_LISTED_INVISIBLE),
  };
}
