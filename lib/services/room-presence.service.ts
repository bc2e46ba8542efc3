import { Inject, Injectable } from '@nestjs/common';
import type { RtcMessagingSettings } from '../config/settings.js';
import { RTC_MESSAGING_SETTINGS } from '../config/tokens.js';
import { describeType, idProblem, MAX_LISTED } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
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
  type OpenApiOptions,
  type OpenApiSender,
} from './rtc-open-api.service.js';

const VERSION = '2023-11-01';
/** The vendor's limits, a second; and how many users one request asks about. */
const ONLINE_USERS_LIMIT = { requestsPerSecond: 40, isGuess: false };
const STATUS_LIMIT = { requestsPerSecond: 10, isGuess: false };
const USERS_PER_REQUEST = 10;

const hidden = new HiddenParts<CallingParts>();

/** Asks the service who is in a room. */
@Injectable()
export class RoomPresenceService {
  constructor(
    @Inject(Sender) sender: OpenApiSender,
    @Inject(RTC_MESSAGING_SETTINGS) settings: RtcMessagingSettings,
  ) {
    hidden.set(this, { sender, settings });
  }

  /**
   * Who is in a room now (`GetRoomOnlineUsers`), held to 40 requests a second. A room that does not exist has no one.
   *
   * @throws the errors of `RtcOpenApiService.request()`
   * @see https://www.volcengine.com/docs/6348/1188355
   */
  async onlineUsers(roomId: string, options: OpenApiOptions = {}): Promise<RoomOnlineUsers> {
    checkUserIds(roomId, []);
    const askedAt = new Date().toISOString();
    const parts = hidden.of(this);
    const query = { AppId: parts.settings.appId, RoomId: roomId };
    const request = { action: 'GetRoomOnlineUsers', version: VERSION, query };
    return {
      ...readOnlineUsers(await callAction(parts, request, options, ONLINE_USERS_LIMIT)),
      askedAt,
    };
  }

  /**
   * How each of some users is in a room (`GetRoomUsersProperty`): ten of them a request, one request after another, at
   * most ten a second. The options are those of each request.
   *
   * @returns by user ID; without those whom the service says nothing of
   * @throws the errors of `RtcOpenApiService.request()`
   * @see https://www.volcengine.com/docs/6348/1585134
   */
  async statusOf(
    roomId: string,
    userIds: readonly string[],
    options: OpenApiOptions = {},
  ): Promise<Map<string, UserStatus>> {
    const asked = checkUserIds(roomId, userIds);
    const parts = hidden.of(this);
    const statuses = new Map<string, UserStatus>();
    for (let start = 0; start < asked.length; start += USERS_PER_REQUEST) {
      const some = asked.slice(start, start + USERS_PER_REQUEST);
      const query = { AppId: parts.settings.appId, RoomId: roomId, UserIds: some };
      const request = { action: 'GetRoomUsersProperty', version: VERSION, query };
      const result = await callAction(parts, request, options, STATUS_LIMIT);
      for (const [id, status] of readUserStatuses(result)) if (some.includes(id)) statuses.set(id, status);
    }
    return statuses;
  }
}

/**
 * The different ones of some users.
 * @throws RtcValidationError naming the room or the first users that are no IDs
 */
export function checkUserIds(roomId: unknown, userIds: unknown): string[] {
  const ids = readList(userIds);
  const problems = [
    ['roomId', idProblem(roomId)],
    ['userIds', ids === undefined ? `${describeType(userIds)}; expected an array of user IDs` : undefined],
    ...(ids ?? []).map((id, index) => [`userIds[${index}]`, idProblem(id)]),
  ] as const;
  const issues = problems.flatMap(([path = '', message]) =>
    message === undefined ? [] : [{ path, message }],
  );
  if (issues.length > 0) throw new RtcValidationError(issues.slice(0, MAX_LISTED));
  return [...new Set(ids as string[])];
}

/** Undefined when it is none, or throws when it is read. */
function readList(given: unknown): unknown[] | undefined {
  try {
    return Array.isArray(given) ? Array.from<unknown>(given) : undefined;
  } catch {
    return undefined;
  }
}
