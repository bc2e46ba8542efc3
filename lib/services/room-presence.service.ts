import { Injectable } from '@nestjs/common';
import { id } from '../dto/field-rules.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { list } from '../options/rules.js';
import {
  readOnlineUsers,
  readUserStatuses,
  type RoomOnlineUsers,
  type UserStatus,
} from '../presence/read-presence.js';
import { ActionCaller, callers } from './action-caller.js';
import { OPEN_API_OPTIONS, type OpenApiOptions } from './send-options.js';

/** The vendor's limits: requests a second, and users of one request. */
const ONLINE_USERS_LIMIT = 40;
const STATUS_LIMIT = 10;
const USERS_PER_REQUEST = 10;
/** Users of one `statusOf()`. At ten requests a second, they take 100 s. */
const MAX_USERS = 10_000;

/** The parameters of the methods. */
const ONLINE_USERS_QUESTION = { roomId: { rule: id, required: true } } as const;
const STATUS_QUESTION = {
  ...ONLINE_USERS_QUESTION,
  userIds: { rule: list('user IDs', id, MAX_USERS, 0), required: true },
} as const;

/** Finds out which users are in a room. */
@Injectable()
export class RoomPresenceService {
  constructor(caller: ActionCaller) {
    callers.set(this, caller);
  }

  /**
   * Lists the users who are in a room now (`GetRoomOnlineUsers`), with at most 40 requests a second. A room that does not
   * exist has no users. The answer may have up to 16 MiB, or `http.maxContentLength` if that is more.
   *
   * @throws the errors of `RtcOpenApiService.request()`
   * @see https://www.volcengine.com/docs/6348/1188355
   */
  async onlineUsers(roomId: string, options: OpenApiOptions = {}): Promise<RoomOnlineUsers> {
    checkCallOptions(ONLINE_USERS_QUESTION, { roomId }, '');
    const askedAt = new Date().toISOString();
    const about = { RoomId: roomId };
    const answer = await callers.of(this).ask('GetRoomOnlineUsers', about, options, ONLINE_USERS_LIMIT);
    return { ...readOnlineUsers(answer), askedAt };
  }

  /**
   * Returns the status of users in a room (`GetRoomUsersProperty`). It makes one request for every ten users, one after
   * another, at most ten a second. `deadlineMs` limits all requests together; by default, each has the module's. The
   * other options apply to each request.
   *
   * @param userIds at most 10,000
   * @returns each user's status by user ID. Users whom the answer does not mention are missing.
   * @throws the errors of `RtcOpenApiService.request()`
   * @see https://www.volcengine.com/docs/6348/1585134
   */
  async statusOf(
    roomId: string,
    userIds: readonly string[],
    options: OpenApiOptions = {},
  ): Promise<Map<string, UserStatus>> {
    const asked = [...new Set(checkCallOptions(STATUS_QUESTION, { roomId, userIds }, '').userIds)];
    const { deadlineMs, ...others } = checkCallOptions(OPEN_API_OPTIONS, options);
    const endsAt = deadlineMs && performance.now() + deadlineMs;
    const statuses = new Map<string, UserStatus>();
    for (let start = 0; start < asked.length; start += USERS_PER_REQUEST) {
      const query = { RoomId: roomId, UserIds: asked.slice(start, start + USERS_PER_REQUEST) };
      const leftMs = endsAt && Math.max(1, Math.ceil(endsAt - performance.now()));
      const limits = { ...others, deadlineMs: leftMs };
      const answer = await callers.of(this).ask('GetRoomUsersProperty', query, limits, STATUS_LIMIT);
      for (const [userId, status] of readUserStatuses(answer))
        if (query.UserIds.includes(userId)) statuses.set(userId, status);
    }
    return statuses;
  }
}
