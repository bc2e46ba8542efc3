import { RtcApiError } from '../errors/rtc-api.error.js';
import { UNREADABLE } from '../retry/attempts.js';
import type { AcceptedCall } from '../retry/sender.js';

/** The users who were in a room at the time of the request. */
export interface RoomOnlineUsers {
  /** The visible users. */
  readonly users: readonly string[];
  /** The invisible users. The service lists at most 10,000 of them. */
  readonly invisible: readonly string[];
  /** Whether all users are listed. False if the service counts more than it lists. */
  readonly complete: boolean;
  /** Time of the request: ISO 8601, by this machine's clock. */
  readonly askedAt: string;
}

/** A user's status in a room. The optional members are set if the user is online and the service reports them. */
export interface UserStatus {
  /** Whether the user is in the room. */
  readonly online: boolean;
  /** Whether other users see the user. */
  readonly role?: 'visible' | 'invisible';
  /** When the user joined: ISO 8601, by the service's clock. */
  readonly loginTime?: string;
  /** The vendor's name or number of the device type. */
  readonly deviceType?: string | number;
  /** The vendor's name or number of the platform. */
  readonly platformType?: string | number;
}

/** An answer with its `Result`. */
type Answer = Pick<AcceptedCall, 'result' | 'requestId' | 'attempts'>;

/**
 * Reads the Result of `GetRoomOnlineUsers`. Volcengine's field is `RoomExists`, BytePlus's is `RoomExist`. If the room
 * does not exist, there are no other fields. `TotalUser` counts all users, `TotalInvisibleUser` only the invisible ones.
 * @throws RtcApiError if it has neither field, or if a list is malformed
 */
export function readOnlineUsers(answer: Answer): Omit<RoomOnlineUsers, 'askedAt'> {
  const { RoomExists, RoomExist, ...found } = fieldsOf(answer.result);
  const exists = RoomExists === true || RoomExist === true;
  const isKnown = exists || RoomExists === false || RoomExist === false;
  const users = readIds(found['VisibleUserList']);
  const invisible = readIds(found['InvisibleUserList']);
  if (!isKnown || !users || !invisible) throw unreadable('GetRoomOnlineUsers', answer);
  const listed = new Set([...users, ...invisible]).size;
  // Without a count, an empty list does not mean that nobody is in a room.
  const { TotalUser = listed || (exists ? undefined : 0), TotalInvisibleUser = 0 } = found;
  const isCovered = hasCount(TotalUser, listed) && hasCount(TotalInvisibleUser, invisible.size);
  return { users: [...users], invisible: [...invisible], complete: isCovered && (exists || listed === 0) };
}

/**
 * Reads the Result of `GetRoomUsersProperty`.
 * @throws RtcApiError if it can't be read
 */
export function readUserStatuses(answer: Answer): [userId: string, status: UserStatus][] {
  const { UserList } = fieldsOf(answer.result);
  if (!Array.isArray(UserList)) throw unreadable('GetRoomUsersProperty', answer);
  return UserList.map((entry) => {
    const { UserID, Status, Role, LoginTime, DeviceType, PlatformType } = fieldsOf(entry);
    if (typeof UserID !== 'string' || (Status !== 0 && Status !== 1))
      throw unreadable('GetRoomUsersProperty', answer);
    if (Status === 0) return [UserID, { online: false }];
    // JSON may have a number of 64 bits as text.
    const joined = new Date(isWord(LoginTime) ? Number(LoginTime) : NaN);
    const status: UserStatus = {
      online: true,
      ...(Role === 1 && { role: 'visible' }),
      ...(Role === 2 && { role: 'invisible' }),
      ...(joined.getTime() > 0 && { loginTime: joined.toISOString() }),
      ...(isWord(DeviceType) && { deviceType: DeviceType }),
      ...(isWord(PlatformType) && { platformType: PlatformType }),
    };
    return [UserID, status];
  });
}

/** The fields, without those of a changed `Object.prototype`. */
function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object.assign(Object.create(null), value) as Record<string, unknown>;
}

/** An empty list may be missing or null. */
function readIds(list: unknown): ReadonlySet<string> | undefined {
  const ids: unknown = list ?? [];
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? new Set<string>(ids) : undefined;
}

/** Whether as many are listed as counted. */
function hasCount(count: unknown, listed: number): boolean {
  return typeof count === 'number' && count >= 0 && count <= listed;
}

function isWord(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function unreadable(action: string, { requestId, attempts }: Answer): RtcApiError {
  const known = { httpStatus: 200, apiCode: UNREADABLE, requestId, attempts };
  return new RtcApiError(`The Result of ${action} can't be read.`, { outcome: 'unknown', ...known });
}
