import { copyList } from '../dto/copy-properties.js';
import { idProblem } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { type Checked, flag, unless, wholeNumber, wrong } from '../options/rules.js';
import { ANY_ROOM, PRIVILEGES, type TokenPrivilege } from './client-token.js';

/** Who a token to log in with is for, and how long. */
export interface LoginTokenRequest {
  /** The user's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly userId: string;
  /** How long the token is good for, in seconds: 1–604,800 (7 days). The vendor advises a day at most. */
  readonly expiresInSeconds: number;
}

/** Who a token to join rooms with is for, which room, and what it allows there. */
export type JoinTokenRequest = LoginTokenRequest & {
  /** What the user may do in the room. Default `['subscribe']`. */
  readonly privileges?: readonly TokenPrivilege[] | undefined;
} & (
    | {
        /** The room's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
        readonly roomId: string;
        /** That it is for this room alone. */
        readonly anyRoom?: false | undefined;
      }
    | {
        /** Not beside `anyRoom`. */
        readonly roomId?: undefined;
        /** In place of `roomId`: every room of the app. */
        readonly anyRoom: true;
      }
  );

/** 7 days: BytePlus refuses longer ones. */
const MAX_SECONDS = 604_800;
/** A list may name one twice. */
const MAX_PRIVILEGES = 20;

/** The fields of a request for a token to log in with. */
export const LOGIN_TOKEN = {
  userId: { rule: unless<string>(idProblem), required: true },
  expiresInSeconds: { rule: wholeNumber(1, MAX_SECONDS, 'a whole number of seconds'), required: true },
} as const;

const JOIN_TOKEN = {
  ...LOGIN_TOKEN,
  roomId: unless<string>((given) =>
    given === ANY_ROOM ? 'is no ID; set anyRoom: true for every room' : idProblem(given),
  ),
  anyRoom: flag,
  privileges: {
    rule: readPrivileges,
    default: ['subscribe'],
  },
} as const;

/** @throws RtcValidationError when a rule is broken */
export function checkJoinToken(request: JoinTokenRequest) {
  const { roomId, anyRoom, ...others } = checkCallOptions(JOIN_TOKEN, request, '');
  if ((roomId === undefined) === (anyRoom === true)) return { ...others, roomId: roomId ?? ANY_ROOM };
  const message =
    roomId === undefined
      ? 'is missing; name a room, or set anyRoom: true'
      : 'must not be given beside anyRoom';
  throw new RtcValidationError([{ path: 'roomId', message }]);
}

/** A copy: what is checked is what is issued, whatever a proxy would say a second time. */
function readPrivileges(given: unknown): Checked<readonly TokenPrivilege[]> {
  try {
    const names = Array.isArray(given) ? copyList(given, MAX_PRIVILEGES) : [];
    if (names.length > 0 && names.length <= MAX_PRIVILEGES && names.every(isPrivilege))
      return { value: names };
  } catch {
    // It is no list then.
  }
  return wrong(`must be a list of ${Object.keys(PRIVILEGES).join(' and ')}, or of one of them`);
}

function isPrivilege(name: unknown): name is TokenPrivilege {
  return typeof name === 'string' && Object.hasOwn(PRIVILEGES, name);
}
