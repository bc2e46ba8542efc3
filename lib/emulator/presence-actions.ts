import { isId } from '../dto/field-rules.js';
import { regionOf } from './authenticate.js';
import type { EmulatorState } from './emulator-state.js';
import { ApiError, check } from './http-error.js';
import type { Decision } from './messages.js';
import type { Participant } from './participant.js';
import { PRESENCE_LIMITS, type PresenceAction } from './presence-action.js';
import { QuotaWindow } from './quota-window.js';
import { checkApp } from './read-message.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

const MAX_LISTED_INVISIBLE = 10_000;
const MAX_USERS = 10;
/** BytePlus's, which has another word for whether a room is there. */
const BYTEPLUS_REGION = 'ap-singapore-1';

/** The actions that tell who is in a room (6348/1188355, 6348/1585134). */
export class PresenceActions {
  readonly #windows = new Map<string, QuotaWindow>();

  constructor(private readonly state: EmulatorState) {}

  /** @throws ApiError beyond the action's limit, or when something is wrong with the query */
  answer(action: PresenceAction, { head }: ReceivedRequest, account: EmulatorAccount): Decision {
    const { query } = head;
    const key = JSON.stringify([action, account.credentials.accessKeyId]);
    const window =
      this.#windows.get(key) ?? new QuotaWindow(PRESENCE_LIMITS[action], this.state.options().quota.window);
    this.#windows.set(key, window);
    if (!window.admit(1)) {
      throw new ApiError(
        'FlowLimitExceeded.QPSOverLimit',
        `More than ${PRESENCE_LIMITS[action]} requests in a second.`,
      );
    }
    checkApp(query.get('AppId') ?? '', account, this.state.accounts());
    const roomId = query.get('RoomId') ?? '';
    check(isId(roomId), 'InvalidParameter.IllegalRoomID', 'RoomId is illegal.');
    const { participants } = this.state.room(roomId);
    if (action === 'GetRoomUsersProperty') {
      const ids = query.getAll('UserIds');
      const isLegal = ids.length > 0 && ids.length <= MAX_USERS && ids.every(isId);
      check(isLegal, 'InvalidParameter', `UserIds takes 1–${MAX_USERS} user IDs.`);
      const present = new Map(participants.map((participant) => [participant.userId, participant]));
      return {
        outcome: 'accepted',
        result: { UserList: ids.map((id) => this.#propertyOf(id, present.get(id))) },
      };
    }
    const exists = regionOf(head) === BYTEPLUS_REGION ? 'RoomExist' : 'RoomExists';
    if (participants.length === 0) return { outcome: 'accepted', result: { [exists]: false } };
    const idsOf = (isInvisible: boolean): string[] =>
      participants.filter(({ invisible }) => invisible === isInvisible).map(({ userId }) => userId);
    const [visible, invisible] = [idsOf(false), idsOf(true)];
    const result = {
      [exists]: true,
      TotalUser: participants.length,
      TotalInvisibleUser: invisible.length,
      VisibleUserList: visible,
      InvisibleUserList: invisible.slice(0, MAX_LISTED_INVISIBLE),
    };
    return { outcome: 'accepted', result };
  }

  #propertyOf(id: string, participant: Participant | undefined): object {
    if (participant === undefined) return { UserID: id, Status: 0 };
    const LoginTime = participant.joinedAt + this.state.clock.offsetMs;
    return { UserID: id, Status: 1, Role: participant.invisible ? 2 : 1, LoginTime };
  }
}
