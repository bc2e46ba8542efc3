import { RtcApiError } from '../errors/rtc-api.error.js';
import { UNREADABLE } from '../retry/attempts.js';
import type { AcceptedCall } from '../retry/sender.js';

/** Who was in a room when the service was asked. */
export interface RoomOnlineUsers {
  /** Whom others see there. */
  readonly users: readonly string[];
  /** Who watch unseen, and are not among `users`. The service lists 10,000 of them at most. */
  readonly invisible: readonly string[];
  /** Whether everyone is listed: false when the service counts more than it lists, or contradicts itself. */
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

/** The call that a Result came from; for the error, where it can't be read. */
export type AnsweredCall = Pick<AcceptedCall, 'requestId' | 'attempts'>;

/**
 * Volcengine says `RoomExists`, BytePlus `RoomExist`; of a room that is not there, nothing else is said. `TotalUser`
 * counts everyone, `TotalInvisibleUser` the invisible alone. An answer that contradicts itself is not complete.
 * @throws RtcApiError when it says neither, or a list is none
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
  // Without a count, a list that is not there does not say that it would be empty.
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

/** @throws RtcApiError when it can't be read */
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

/** A list may be left out, or null, when it is empty. */
function readIds(list: unknown): ReadonlySet<string> | undefined {
  const ids: unknown = list ?? [];
  return Array.isArray(ids) && ids.every((id) => typeof id === 'string') ? new Set<string>(ids) : undefined;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** Whether as many are listed as are counted, where they are counted. */
function isCovered(count: unknown, listed: number): boolean {
  return !isGiven(count) || (Number.isSafeInteger(count) && Number(count) >= 0 && Number(count) <= listed);
}

/** Milliseconds since the epoch: 64 bits, which JSON may have as text. */
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
