import { isId } from '../dto/field-rules.js';
import { regionOf } from './authenticate.js';
import type { EmulatorState } from './emulator-state.js';
import { check } from './http-error.js';
import type { Decision } from './messages.js';
import type { Participant } from './participant.js';
import { PRESENCE_LIMITS, type PresenceAction } from './presence-action.js';
import type { QuotaWindows } from './quota-window.js';
import { checkApp } from './read-message.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

const MAX_LISTED_INVISIBLE = 10_000;
const MAX_USERS = 10;
/** BytePlus's, which has another word for whether a room is there. */
const BYTEPLUS_REGION = 'ap-singapore-1';

/** The actions that tell who is in a room (6348/1188355, 6348/1585134). */
export class PresenceActions {
  constructor(
    private readonly state: EmulatorState,
    private readonly windows: QuotaWindows,
  ) {}

  /** @throws ApiError beyond the action's limit, or when something is wrong with the query */
  answer(action: PresenceAction, { query, headers }: ReceivedRequest, account: EmulatorAccount): Decision {
    const limit = PRESENCE_LIMITS[action];
    const isAdmitted = this.windows.of(limit, action, account.credentials.accessKeyId).admit();
    check(isAdmitted, 'FlowLimitExceeded.QPSOverLimit', `More than ${limit} requests in a second.`);
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
    const exists = regionOf(headers) === BYTEPLUS_REGION ? 'RoomExist' : 'RoomExists';
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
