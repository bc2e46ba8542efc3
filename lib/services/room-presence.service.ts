import { Inject, Injectable } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { idProblem } from '../dto/field-rules.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { list, unless } from '../options/rules.js';
import { HiddenParts } from '../privacy/hidden-parts.js';
import { Sender } from '../retry/sender.js';
import {
  readOnlineUsers,
  readUserStatuses,
  type RoomOnlineUsers,
  type UserStatus,
} from '../presence/read-presence.js';
import {
  callAction,
  type CallingParts,
  OPEN_API_OPTIONS,
  type OpenApiOptions,
  type OpenApiSender,
} from './rtc-open-api.service.js';

const VERSION = '2023-11-01';
/** The vendor's limits: requests a second, and users of one request. */
const ONLINE_USERS_LIMIT = { requestsPerSecond: 40, isGuess: false };
const STATUS_LIMIT = { requestsPerSecond: 10, isGuess: false };
const USERS_PER_REQUEST = 10;
/** Users of one `statusOf()`. At ten requests a second, they take 100 s. */
const MAX_USERS = 10_000;

const id = { rule: unless<string>(idProblem), required: true } as const;
/** The parameters of the methods. */
const ONLINE_USERS_QUESTION = { roomId: id };
const STATUS_QUESTION = {
  roomId: id,
  userIds: { rule: list('user IDs', id.rule, MAX_USERS, 0), required: true },
} as const;

const hidden = new HiddenParts<CallingParts>();

/** Finds out which users are in a room. */
@Injectable()
export class RoomPresenceService {
  constructor(
    @Inject(Sender) sender: OpenApiSender,
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
  ) {
    hidden.set(this, { sender, settings });
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
    const parts = hidden.of(this);
    const query = { AppId: parts.settings.appId, RoomId: roomId };
    const request = { action: 'GetRoomOnlineUsers', version: VERSION, query };
    const call = await callAction(parts, request, options, ONLINE_USERS_LIMIT);
    return { ...readOnlineUsers(call.result, call), askedAt };
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
    const given = checkCallOptions(OPEN_API_OPTIONS, options);
    const parts = hidden.of(this);
    const endsAt = performance.now() + (given.deadlineMs ?? Infinity);
    const statuses = new Map<string, UserStatus>();
    for (let start = 0; start < asked.length; start += USERS_PER_REQUEST) {
      const some = asked.slice(start, start + USERS_PER_REQUEST);
      const query = { AppId: parts.settings.appId, RoomId: roomId, UserIds: some };
      const request = { action: 'GetRoomUsersProperty', version: VERSION, query };
      const leftMs = Math.max(1, Math.ceil(endsAt - performance.now()));
      const deadlineMs = given.deadlineMs && leftMs;
      const call = await callAction(parts, request, { ...given, deadlineMs }, STATUS_LIMIT);
      for (const [id, status] of readUserStatuses(call.result, call))
        if (some.includes(id)) statuses.set(id, status);
    }
    return statuses;
  }
}
