import { describeType, flagProblem, idProblem } from '../dto/field-rules.js';
import { readProperties } from '../dto/read-properties.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
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
        readonly anyRoom?: false | undefined;
      }
    | {
        readonly roomId?: undefined;
        /** In place of `roomId`: every room of the app. */
        readonly anyRoom: true;
      }
  );

/** A request that keeps to the rules. */
export interface CheckedTokenRequest extends LoginTokenRequest {
  /** As a token has it: empty to log in, `*` for every room. */
  readonly roomId: string;
  readonly privileges: readonly TokenPrivilege[];
}

/** BytePlus refuses longer ones. */
const MAX_SECONDS = 604_800;
const LOGIN_FIELDS = ['userId', 'expiresInSeconds'];
const JOIN_FIELDS = [...LOGIN_FIELDS, 'roomId', 'anyRoom', 'privileges'];

/** @throws RtcValidationError with every rule that is broken */
export function checkTokenRequest(purpose: 'join' | 'login', request: unknown): CheckedTokenRequest {
  if (typeof request !== 'object' || request === null || Array.isArray(request)) {
    throw new RtcValidationError([{ path: 'request', message: 'must be an object' }]);
  }
  const isJoin = purpose === 'join';
  const fields = isJoin ? JOIN_FIELDS : LOGIN_FIELDS;
  const given = readProperties(request, fields, 'request');
  const { userId, expiresInSeconds, roomId = '', anyRoom, privileges = isJoin ? ['subscribe'] : [] } = given;
  const list = Array.isArray(privileges) ? Array.from<unknown>(privileges) : [];
  const isUnknown = Object.keys(given).some((name) => !fields.includes(name));
  const problems = {
    request: isUnknown ? `takes only ${fields.join(', ')}` : undefined,
    userId: idProblem(userId),
    expiresInSeconds: expiryProblem(expiresInSeconds),
    ...(isJoin && {
      roomId: roomProblem(given['roomId'], anyRoom),
      anyRoom: anyRoom === undefined ? undefined : flagProblem(anyRoom),
      privileges: list.length > 0 && list.every(isPrivilege) ? undefined : PRIVILEGES_RULE,
    }),
  };
  const issues = Object.entries(problems).flatMap(([path, message]) => (message ? [{ path, message }] : []));
  if (issues.length > 0) throw new RtcValidationError(issues);
  const room = anyRoom === true ? ANY_ROOM : roomId;
  return { userId, expiresInSeconds, roomId: room, privileges: list } as CheckedTokenRequest;
}

function expiryProblem(seconds: unknown): string | undefined {
  const isLegal = Number.isInteger(seconds) && Number(seconds) >= 1 && Number(seconds) <= MAX_SECONDS;
  return isLegal ? undefined : `must be a whole number of seconds from 1 to ${MAX_SECONDS} (7 days)`;
}

function roomProblem(roomId: unknown, anyRoom: unknown): string | undefined {
  if (anyRoom === true) return roomId === undefined ? undefined : 'must not be given beside anyRoom';
  if (roomId === ANY_ROOM) return 'is no ID; set anyRoom: true for a token that is good for every room';
  if (roomId === undefined) return `${describeType(roomId)}; name a room, or set anyRoom: true`;
  return idProblem(roomId);
}

const PRIVILEGES_RULE = `must be a list of ${Object.keys(PRIVILEGES).join(' and ')}, or of one of them`;

function isPrivilege(name: unknown): name is TokenPrivilege {
  return typeof name === 'string' && Object.hasOwn(PRIVILEGES, name);
}
