import { RtcApiError } from '../errors/rtc-api.error.js';

/** Who was in a room when the service was asked. */
export interface RoomOnlineUsers {
  /** Whom others see there. */
  readonly users: readonly string[];
  /** Who watch unseen. The service lists 10,000 of them at most. */
  readonly invisible: readonly string[];
  /** Whether both lists are whole: false when the service counts more invisible users than it lists. */
  readonly complete: boolean;
  /** When the question was asked: ISO 8601, by this machine's clock. */
  readonly askedAt: string;
}

/** How a user is in a room. Beside `online`, only what the service says of who is there. */
export interface UserStatus {
  /** Whether the user is in the room. */
  readonly online: boolean;
  /** Whether others see the user. */
  readonly role?: 'visible' | 'invisible';
  /** Since when: ISO 8601, by the service's clock. */
  readonly loginTime?: string;
  /** The vendor's word for the device. */
  readonly deviceType?: string | number;
  /** The vendor's word for the platform. */
  readonly platformType?: string | number;
}

const ROLES: readonly UserStatus['role'][] = [undefined, 'visible', 'invisible'];

/**
 * Volcengine says `RoomExists`, BytePlus `RoomExist`; of a room that is not there, nothing else is said.
 * @throws RtcApiError when it says neither
 */
export function readOnlineUsers(result: unknown): Omit<RoomOnlineUsers, 'askedAt'> {
  const { RoomExists, RoomExist, VisibleUserList, InvisibleUserList, TotalInvisibleUser } = fieldsOf(result);
  const exists = RoomExists ?? RoomExist;
  if (exists === false) return { users: [], invisible: [], complete: true };
  const users = readIds(VisibleUserList);
  const invisible = readIds(InvisibleUserList);
  if (exists !== true || users === undefined || invisible === undefined)
    throw unreadable('GetRoomOnlineUsers');
  const counted = TotalInvisibleUser ?? invisible.length;
  return { users, invisible, complete: typeof counted === 'number' && counted <= invisible.length };
}

/** @throws RtcApiError when it can't be read */
export function readUserStatuses(result: unknown): [userId: string, status: UserStatus][] {
  const { UserList } = fieldsOf(result);
  if (!Array.isArray(UserList)) throw unreadable('GetRoomUsersProperty');
  return UserList.map((entry) => {
    const { UserID, Status, Role, LoginTime, DeviceType, PlatformType } = fieldsOf(entry);
    if (typeof UserID !== 'string' || (Status !== 0 && Status !== 1))
      throw unreadable('GetRoomUsersProperty');
    if (Status === 0) return [UserID, { online: false }];
    const role = ROLES[Number(Role)];
    const loginTime = new Date(typeof LoginTime === 'number' ? LoginTime : Number.NaN);
    const status: UserStatus = {
      online: true,
      ...(role && { role }),
      ...(loginTime.getTime() > 0 && { loginTime: loginTime.toISOString() }),
      ...(isWord(DeviceType) && { deviceType: DeviceType }),
      ...(isWord(PlatformType) && { platformType: PlatformType }),
    };
    return [UserID, status];
  });
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object.assign(Object.create(null), typeof value === 'object' ? value : {}) as Record<
    string,
    unknown
  >;
}

/** A list may be left out, or null, when it is empty. */
function readIds(list: unknown): readonly string[] | undefined {
  const ids: unknown = list ?? [];
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? ids : undefined;
}

function isWord(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function unreadable(action: string): RtcApiError {
  return new RtcApiError(`${action} was answered with a Result that can't be read.`, {
    outcome: 'unknown',
    httpStatus: 200,
    apiCode: 'UnreadableResponse',
  });
}
