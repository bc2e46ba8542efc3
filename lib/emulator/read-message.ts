import { base64ByteLength, isId, MAX_RECIPIENTS, messageProblem } from '../dto/field-rules.js';
import { RTC_ACTIONS, type RtcActionName, type RtcActionRules } from '../openapi/rtc-action.js';
import type { EmulatorAccount } from './account.js';
import { ApiError } from './api-error.js';

/** What a request asks to deliver. */
export interface EmulatedMessage {
  readonly appId: string;
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
  body: Buffer,
  account: EmulatorAccount,
  accounts: readonly EmulatorAccount[],
): EmulatedMessage {
  const rules: RtcActionRules = RTC_ACTIONS[action];
  const { AppId, RoomId, From, To, Binary, Message } = readFields(body, rules);

  if (AppId === '') throw new ApiError('InvalidParameter.IllegalAppId', 'AppId is empty.');
  if (!account.appIds.includes(AppId)) {
    const exists = accounts.some(({ appIds }) => appIds.includes(AppId));
    throw exists
      ? new ApiError('AccessDenied.NoPermissionForApp', 'The account may not use this AppId.')
      : new ApiError('InvalidParameter.NotExistAppId', 'The AppId does not exist.');
  }
  if (rules.inRoom && !isId(RoomId)) {
    throw new ApiError('InvalidParameter.IllegalRoomID', 'RoomId is illegal.');
  }
  if (!isId(From)) throw new ApiError('InvalidParameter.IllegalFrom', 'From is illegal.');
  const to = rules.to === 'none' ? undefined : [To].flat();
  if (to !== undefined) {
    if (to.length > MAX_RECIPIENTS) {
      throw new ApiError('InvalidParameter.UserCountOverLimit', `To has more than ${MAX_RECIPIENTS} users.`);
    }
    if (to.length === 0 || !to.every(isId)) {
      throw new ApiError('InvalidParameter.IllegalTo', 'To is empty or holds an illegal user ID.');
    }
  }
  if (Message === '') throw new ApiError('InvalidParameter', 'Message is empty.');

  const bytes = Binary ? base64ByteLength(Message) : Buffer.byteLength(Message, 'utf8');
  if (bytes === undefined) throw new ApiError('InvalidParameter', 'Message is not base64.');
  if (bytes > rules.maxMessageBytes) {
    throw new ApiError(
      'InvalidParameter.SizeOverLimit',
      `Message has more than ${rules.maxMessageBytes} bytes.`,
    );
  }
  // What else the library would not send, in words that are the emulator's.
  if (messageProblem(Message, Binary, rules.maxMessageBytes) !== undefined) {
    throw new ApiError('InvalidParameter', 'Message is illegal.');
  }
  return {
    appId: AppId,
    roomId: rules.inRoom ? RoomId : undefined,
    from: From,
    to,
    message: Binary ? new Uint8Array(Buffer.from(Message, 'base64')) : Message,
  };
}

interface Fields {
  readonly AppId: string;
  readonly RoomId: string;
  readonly From: string;
  readonly To: string | readonly string[];
  readonly Binary: boolean;
  readonly Message: string;
}

/** A field that is left out has its type's zero value; one of another type can't be read; others are ignored. */
function readFields(body: Buffer, { inRoom, to }: RtcActionRules): Fields {
  if (body.length === 0) throw new ApiError('InvalidParameter.BodyIsEmpty', 'The body is empty.');
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new ApiError('InvalidParameter.Unmarshal', 'The body is not JSON.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new ApiError('InvalidParameter.Unmarshal', 'The body is not a JSON object.');
  }
  const zero: Fields = {
    AppId: '',
    RoomId: '',
    From: '',
    To: to === 'list' ? [] : '',
    Binary: false,
    Message: '',
  };
  const fields: Record<string, unknown> = { ...zero };
  for (const [name, model] of Object.entries(zero)) {
    if ((name === 'RoomId' && !inRoom) || (name === 'To' && to === 'none')) continue;
    const value: unknown = (parsed as Record<string, unknown>)[name];
    if (!Object.hasOwn(parsed, name) || value === null) continue;
    if (!sameShape(value, model)) {
      throw new ApiError('InvalidParameter.Unmarshal', `${name} has the wrong type.`);
    }
    fields[name] = value;
  }
  return fields as unknown as Fields;
}

function sameShape(value: unknown, model: unknown): boolean {
  if (!Array.isArray(model)) return typeof value === typeof model;
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
