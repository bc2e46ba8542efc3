import { readProperties } from '../options/read-properties.js';
import { Refusal } from './answer.js';
import { isSignedEvent } from './event-signature.js';
import type { RtcCallbackEvent, RtcEventType } from './rtc-callback-event.js';

/** The fields that are signed; `Nonce` is read apart. */
const SIGNED = ['EventType', 'EventData', 'EventTime', 'EventId', 'AppId', 'Version'] as const;
/** Of all fields but EventData. */
const MAX_LENGTH = 256;
/** A time without a zone could be meant in any. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/;

const IDS_OF: Readonly<Record<RtcEventType, readonly string[]>> = {
  UserJoinRoom: ['RoomId', 'UserId'],
  UserLeaveRoom: ['RoomId', 'UserId'],
  InvisibleUserJoinRoom: ['RoomId', 'UserId'],
  InvisibleUserLeaveRoom: ['RoomId', 'UserId'],
  RoomCreate: ['RoomId'],
  RoomDestroy: ['RoomId'],
};

/** What an event is checked against. */
export interface EventRules {
  readonly appId: string;
  readonly secrets: readonly string[];
  readonly maxAgeMs: number;
}

/** An event with its signature, by which it is recognised too. */
export interface SignedEvent {
  readonly event: RtcCallbackEvent;
  readonly signature: string;
}

/**
 * Checks a request of the service.
 * @param body parsed JSON of an untrusted sender
 * @param now milliseconds since the epoch
 * @throws Refusal
 */
export function readEvent(body: unknown, { appId, secrets, maxAgeMs }: EventRules, now: number): SignedEvent {
  if (typeof body !== 'object' || body === null) throw new Refusal(400, 'it is not a JSON object');
  const fields = readProperties(body, []) ?? {};
  const values = SIGNED.map((name) => readField(fields, name));
  // BytePlus and older pages call it Noce.
  values.push(readField(fields, Object.hasOwn(fields, 'Nonce') ? 'Nonce' : 'Noce'));
  const signature = readField(fields, 'Signature');
  if (!isSignedEvent(values, signature, secrets)) throw new Refusal(401, 'its signature is wrong');

  const [type = '', data = '', eventTime = '', id = '', app = '', version = ''] = values;
  if (app !== appId) throw new Refusal(403, 'it is for another app (AppId)');
  if (!/^\w+$/.test(type) || id === '') throw new Refusal(400, 'EventType or EventId is no name');
  const time = readTime(eventTime);
  if (Math.abs(now - time) > maxAgeMs) {
    throw new Refusal(403, "its EventTime is too far from this machine's time");
  }
  return { signature, event: { type, id, time: new Date(time), appId, version, data: readData(type, data) } };
}

function readField(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value === 'string' && (value.length <= MAX_LENGTH || name === 'EventData')) return value;
  throw new Refusal(400, `${name} is not a string of at most ${MAX_LENGTH} characters`);
}

function readTime(text: string): number {
  // Of numbers, those up to the year 2286 have ten digits as seconds.
  const time = /^\d{10}$/.test(text)
    ? Number(text) * 1_000
    : /^\d{13}$/.test(text)
      ? Number(text)
      : undefined;
  const read = time ?? (TIME.test(text) ? Date.parse(text) : Number.NaN);
  if (Number.isNaN(read)) throw new Refusal(400, 'EventTime is no time');
  return read;
}

function readData(type: string, text: string): unknown {
  const data = parseJson(text);
  const ids = Object.hasOwn(IDS_OF, type) ? IDS_OF[type as RtcEventType] : [];
  const hasIds = ids.every((name) => typeof (data as Record<string, unknown> | null)?.[name] === 'string');
  if (!hasIds) throw new Refusal(400, `EventData of ${type} lacks ${ids.join(' or ')}`);
  return data;
}

/** @throws Refusal */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refusal(400, 'it is not JSON');
  }
}
