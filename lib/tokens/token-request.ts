import { idProblem } from '../dto/field-rules.js';
import { RtcValidationError } from '../errors/rtc-validation.error.js';
import { checkCallOptions } from '../options/check-call-options.js';
import { flag, list, oneOf, unless, wholeNumber } from '../options/rules.js';
import { ANY_ROOM, type TokenPrivilege } from './client-token.js';

/** A request for a login token. */
export interface LoginTokenRequest {
  /** The user's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
  readonly userId: string;
  /** Lifetime of the token in seconds: 1–604,800 (7 days). The vendor recommends one day at most. */
  readonly expiresInSeconds: number;
}

/** A request for a token that lets a user join one room, or every room. */
export type JoinTokenRequest = LoginTokenRequest & {
  /** The user's privileges in the room. Default `['subscribe']`. */
  readonly privileges?: readonly TokenPrivilege[] | undefined;
} & (
    | {
        /** The room's ID: 1–128 of `a-z A-Z 0-9 @ . _ -`. */
        readonly roomId: string;
        /** Whether the token is for every room. Default false. */
        readonly anyRoom?: false | undefined;
      }
    | {
        /** Must not be set together with `anyRoom`. */
        readonly roomId?: undefined;
        /** Makes the token valid for every room of the app. */
        readonly anyRoom: true;
      }
  );

/** 7 days. BytePlus refuses a longer lifetime. */
const MAX_SECONDS = 604_800;
/** Limit of a list with duplicates. */
const MAX_PRIVILEGES = 20;

/** The fields of a request for a login token. */
export const LOGIN_TOKEN = {
  userId: { rule: unless<string>(idProblem), required: true },
  expiresInSeconds: { rule: wholeNumber(1, MAX_SECONDS, 'a whole number of seconds'), required: true },
} as const;

const privileges = list('privileges', oneOf('publish', 'subscribe'), MAX_PRIVILEGES);

const JOIN_TOKEN = {
  ...LOGIN_TOKEN,
  roomId: unless<string>((given) =>
    given === ANY_ROOM ? 'is no ID; set anyRoom: true for every room' : idProblem(given),
  ),
  anyRoom: flag,
  privileges: { rule: privileges, default: ['subscribe'] },
} as const;

/** @throws RtcValidationError when the request violates a rule */
export function checkJoinToken(request: JoinTokenRequest) {
  const { roomId, anyRoom, ...others } = checkCallOptions(JOIN_TOKEN, request, '');
  if ((roomId === undefined) === (anyRoom === true)) return { ...others, roomId: roomId ?? ANY_ROOM };
  const message =
    roomId === undefined
      ? 'is missing; name a room, or set anyRoom: true'
      : 'must not be given beside anyRoom';
  throw new RtcValidationError([{ path: 'roomId', message }]);
}
