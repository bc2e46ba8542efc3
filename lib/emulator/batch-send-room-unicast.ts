import { base64ByteLength, isId, MAX_MESSAGE_BYTES, MAX_RECIPIENTS } from '../dto/field-rules.js';
import type { EmulatorAccount } from './account.js';
import { ApiError } from './api-error.js';

/** A request that is accepted. */
export interface RoomUnicast {
  readonly appId: string;
  readonly roomId: string;
  readonly from: string;
  /** As it was sent: a user who is named twice receives the message twice. */
  readonly to: readonly string[];
  readonly message: string | Uint8Array;
}

/**
 * Reads and checks the body of `BatchSendRoomUnicast`, as the service behind the gateway would.
 * @throws ApiError with RTC's code
 */
export function readBatchSendRoomUnicast(
  body: Buffer,
  account: EmulatorAccount,
  accounts: readonly EmulatorAccount[],
): RoomUnicast {
  const { AppId, RoomId, From, To, Binary, Message } = readFields(body);

  if (AppId === '') throw new ApiError('InvalidParameter.IllegalAppId', 'AppId is empty.');
  if (!account.appIds.includes(AppId)) {
    const exists = accounts.some(({ appIds }) => appIds.includes(AppId));
    throw exists
      ? new ApiError('AccessDenied.NoPermissionForApp', 'The account may not use this AppId.')
      : new ApiError('InvalidParameter.NotExistAppId', 'The AppId does not exist.');
  }
  if (!isId(RoomId)) throw new ApiError('InvalidParameter.IllegalRoomID', 'RoomId is illegal.');
  if (!isId(From)) throw new ApiError('InvalidParameter.IllegalFrom', 'From is illegal.');
  if (To.length > MAX_RECIPIENTS) {
    throw new ApiError('InvalidParameter.UserCountOverLimit', `To has more than ${MAX_RECIPIENTS} users.`);
  }
  if (To.length === 0 || !To.every(isId)) {
    throw new ApiError('InvalidParameter.IllegalTo', 'To is empty or holds an illegal user ID.');
  }
  if (Message === '') throw new ApiError('InvalidParameter', 'Message is empty.');

  const bytes = Binary ? base64ByteLength(Message) : Buffer.byteLength(Message, 'utf8');
  if (bytes === undefined) throw new ApiError('InvalidParameter', 'Message is not base64.');
  if (bytes > MAX_MESSAGE_BYTES) {
    throw new ApiError('InvalidParameter.SizeOverLimit', `Message has more than ${MAX_MESSAGE_BYTES} bytes.`);
  }
  return {
    appId: AppId,
    roomId: RoomId,
    from: From,
    to: To,
    message: Binary ? new Uint8Array(Buffer.from(Message, 'base64')) : Message,
  };
}

const EMPTY = { AppId: '', RoomId: '', From: '', To: [] as string[], Binary: false, Message: '' };

/** A field that is left out has its type's zero value; one of another type can't be read; others are ignored. */
function readFields(body: Buffer): typeof EMPTY {
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
  const fields: Record<string, unknown> = { ...EMPTY };
  for (const name of Object.keys(EMPTY)) {
    const value: unknown = (parsed as Record<string, unknown>)[name];
    if (!Object.hasOwn(parsed, name) || value === null) continue;
    if (!sameShape(value, fields[name])) {
      throw new ApiError('InvalidParameter.Unmarshal', `${name} has the wrong type.`);
    }
    fields[name] = value;
  }
  return fields as typeof EMPTY;
}

function sameShape(value: unknown, model: unknown): boolean {
  if (!Array.isArray(model)) return typeof value === typeof model;
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
