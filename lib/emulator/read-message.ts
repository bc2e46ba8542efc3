import { base64ByteLength, isId, MAX_RECIPIENTS, messageProblem } from '../dto/field-rules.js';
import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import { ApiError, check } from './http-error.js';
import type { ReceivedRequest } from './received-request.js';
import type { EmulatorAccount } from './rtc-emulator-options.js';

const NO_ONE: readonly string[] = [];

/** What a request asks to deliver. */
export interface EmulatedMessage {
  /** Undefined for a message outside of rooms. */
  readonly roomId: string | undefined;
  readonly from: string;
  /**
   * As it was sent: a user who is named twice receives the message twice. Undefined for a broadcast, which is for
   * everyone in the room.
   */
  readonly to: readonly string[] | undefined;
  readonly message: string | Uint8Array;
}

/**
 * Reads and checks the body of an action, as the service behind the gateway would.
 * @throws ApiError with RTC's code
 */
export function readMessage(
  action: RtcActionName,
  request: ReceivedRequest,
  account: EmulatorAccount,
  accounts: readonly EmulatorAccount[],
): EmulatedMessage {
  const rules: RtcActionRules = RTC_ACTIONS[action];
  const field = fieldsOf(request);
  const appId = field('AppId', '');
  const roomId = rules.inRoom ? field('RoomId', '') : undefined;
  const from = field('From', '');
  const to = rules.to === 'none' ? undefined : rules.to === 'list' ? field('To', NO_ONE) : [field('To', '')];
  const binary = field('Binary', false);
  const message = field('Message', '');
  checkApp(appId, account, accounts);
  check(roomId === undefined || isId(roomId), 'InvalidParameter.IllegalRoomID', 'RoomId is illegal.');
  check(isId(from), 'InvalidParameter.IllegalFrom', 'From is illegal.');
  const { length } = to ?? [];
  check(
    length <= MAX_RECIPIENTS,
    'InvalidParameter.UserCountOverLimit',
    `To has more than ${MAX_RECIPIENTS} users.`,
  );
  const isLegal = to === undefined || (length > 0 && to.every(isId));
  check(isLegal, 'InvalidParameter.IllegalTo', 'To is empty or holds an illegal user ID.');
  const problem = messageProblem(message, binary, rules.maxMessageBytes);
  if (problem !== undefined) {
    const bytes = binary ? base64ByteLength(message) : Buffer.byteLength(message, 'utf8');
    const isTooLarge = bytes !== undefined && bytes > rules.maxMessageBytes;
    throw new ApiError(
      isTooLarge ? 'InvalidParameter.SizeOverLimit' : 'InvalidParameter',
      `Message ${problem}.`,
    );
  }
  return { roomId, from, to, message: binary ? new Uint8Array(Buffer.from(message, 'base64')) : message };
}

/** @throws ApiError when it is no app of the account's */
export function checkApp(
  appId: string,
  account: EmulatorAccount,
  accounts: readonly EmulatorAccount[],
): void {
  check(appId !== '', 'InvalidParameter.IllegalAppId', 'AppId is empty.');
  if (account.appIds.includes(appId)) return;
  const exists = accounts.some(({ appIds }) => appIds.includes(appId));
  check(exists, 'InvalidParameter.NotExistAppId', 'The AppId does not exist.');
  throw new ApiError('AccessDenied.NoPermissionForApp', 'The account may not use this AppId.');
}

/** A field that is left out has its type's zero value; one of another type can't be read; others are ignored. */
function fieldsOf({ body, json }: ReceivedRequest): <T>(name: string, zero: T) => T {
  check(body.length > 0, 'InvalidParameter.BodyIsEmpty', 'The body is empty.');
  const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
  check(isObject, 'InvalidParameter.Unmarshal', 'The body is not a JSON object.');
  const fields = new Map<string, unknown>(Object.entries(json));
  return <T>(name: string, zero: T): T => {
    const value = fields.get(name) ?? zero;
    const fits = Array.isArray(zero)
      ? Array.isArray(value) && value.every((item) => typeof item === 'string')
      : typeof value === typeof zero;
    check(fits, 'InvalidParameter.Unmarshal', `${name} has the wrong type.`);
    return value as T;
  };
}
