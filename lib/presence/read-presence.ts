import { RtcApiError } from '../errors/rtc-api.error.js';
import { UNREADABLE } from '../retry/attempts.js';
import type { AcceptedCall } from '../retry/sender.js';

/** The users who were in a room at the time of the request. */
export interface RoomOnlineUsers {
  /** The visible users. */
  readonly users: readonly string[];
  /** The invisible users, who are not in `users`. The service lists at most 10,000 of them. */
  readonly invisible: readonly string[];
  /** Whether all users are listed. False if the service counts more than it lists, or if its answer contradicts itself. */
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

const ROLES: readonly UserStatus['role'][] = [undefined, 'visible', 'invisible'];

/** The call that returned a Result, for the error if the Result can't be read. */
export type AnsweredCall = Pick<AcceptedCall, 'requestId' | 'attempts'>;

/**
 * Reads the Result of `GetRoomOnlineUsers`. Volcengine's field is `RoomExists`, BytePlus's is `RoomExist`. If the room
 * does not exist, there are no other fields. `TotalUser` counts all users, `TotalInvisibleUser` only the invisible ones.
 * An answer that contradicts itself is not complete.
 * @throws RtcApiError if it has neither field, or if a list is malformed
 */
export function readOnlineUsers(result: unknown, call?: AnsweredCall): Omit<RoomOnlineUsers, 'askedAt'> {
  const { RoomExists, RoomExist, VisibleUserList, InvisibleUserList, TotalUser, TotalInvisibleUser } =
    fieldsOf(result);
  const exists = [RoomExists, RoomExist].filter(isGiven);
  const visible = readIds(VisibleUserList);
  const unseen = readIds(InvisibleUserList);
  const isSaid = exists.length > 0 && exists.every((word) => typeof word === 'boolean');
  if (!isSaid || visible === undefined || unseen === undefined) throw unreadable('GetRoomOnlineUsers', call);
  const everyone = new Set([...visible, ...unseen]);
  // Without a count, a missing list is not known to be empty.
  const isTold =
    isGiven(TotalUser) ||
    (isGiven(VisibleUserList) && (isGiven(InvisibleUserList) || isGiven(TotalInvisibleUser)));
  const isConsistent = exists.includes(false) ? !exists.includes(true) && everyone.size === 0 : isTold;
  return {
    users: [...visible],
    invisible: [...unseen].filter((id) => !visible.has(id)),
    complete:
      isConsistent && isCovered(TotalUser, everyone.size) && isCovered(TotalInvisibleUser, unseen.size),
  };
}

/**
 * Reads the Result of `GetRoomUsersProperty`.
 * @throws RtcApiError if it can't be read
 */
export function readUserStatuses(
  result: unknown,
  call?: AnsweredCall,
): [userId: string, status: UserStatus][] {
  const { UserList } = fieldsOf(result);
  if (!Array.isArray(UserList)) throw unreadable('GetRoomUsersProperty', call);
  return UserList.map((entry) => {
    const { UserID, Status, Role, LoginTime, DeviceType, PlatformType } = fieldsOf(entry);
    if (typeof UserID !== 'string' || (Status !== 0 && Status !== 1))
      throw unreadable('GetRoomUsersProperty', call);
    if (Status === 0) return [UserID, { online: false }];
    const role = typeof Role === 'number' ? ROLES[Role] : undefined;
    const loginTime = new Date(readTime(LoginTime));
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

/** An empty list may be missing or null. */
function readIds(list: unknown): ReadonlySet<string> | undefined {
  const ids: unknown = list ?? [];
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? new Set<string>(ids) : undefined;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Whether the list is as long as the count, if there is a count. */
function isCovered(count: unknown, listed: number): boolean {
  return !isGiven(count) || (Number.isSafeInteger(count) && Number(count) >= 0 && Number(count) <= listed);
}

/** Milliseconds since the epoch, a number of 64 bits. JSON may have it as text. */
function readTime(time: unknown): number {
  if (typeof time === 'string' && /^\d{1,16}$/.test(time)) return Number(time);
  return typeof time === 'number' ? time : Number.NaN;
}

function isWord(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

function unreadable(action: string, { requestId, attempts }: Partial<AnsweredCall> = {}): RtcApiError {
  return new RtcApiError(`${action} was answered with a Result that can't be read.`, {
    outcome: 'unknown',
    httpStatus: 200,
    apiCode: UNREADABLE,
    requestId,
    attempts,
  });
}
