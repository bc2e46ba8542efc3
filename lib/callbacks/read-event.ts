import { createHash } from 'node:crypto';
import { isSameText } from '../privacy/same-text.js';
import { type Fields, parseJson, Refusal } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import type { RtcCallbackEvent } from './rtc-callback-event.js';

const NAMES = ['EventType', 'EventData', 'EventTime', 'EventId', 'AppId', 'Version'] as const;
/** Of all fields but EventData. */
const MAX_LENGTH = 256;
/** A time without a zone could be meant in any. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/;

const OF_USER = /^(Invisible)?User(Join|Leave)Room$/;
const OF_ROOM = /^Room(Create|Destroy)$/;

/**
 * The signature of an event: SHA-256 over the sorted values and the secret, joined without a separator.
 * Source: Volcengine documentation 6348/69820.
 */
export function signEvent(values: readonly string[], secret: string): string {
  const sorted = [...values, secret].map((value) => Buffer.from(value)).sort(Buffer.compare);
  return sorted.reduce((hash, value) => hash.update(value), createHash('sha256')).digest('hex');
}

/**
 * Checks what an untrusted sender says is an event.
 * @param now milliseconds since the epoch
 * @throws Refusal
 */
export function readEvent(
  fields: Fields,
  appId: string,
  { secrets, maxAgeMs }: Pick<EventSettings, 'secrets' | 'maxAgeMs'>,
  now: number,
): { readonly event: RtcCallbackEvent; readonly signature: string } {
  const read = (name: string): string => {
    const value = fields[name];
    if (typeof value === 'string' && (value.length <= MAX_LENGTH || name === 'EventData')) return value;
    throw new Refusal(400, `${name} is no string of at most ${MAX_LENGTH} characters`);
  };
  const values = NAMES.map(read);
  // BytePlus and older pages call it Noce.
  values.push(read(fields['Nonce'] === undefined ? 'Noce' : 'Nonce'));
  const signature = read('Signature');
  // All secrets are tried, so that the time depends on none.
  const isSigned = secrets.open().map((secret) => isSameText(signEvent(values, secret), signature));
  if (!isSigned.includes(true)) throw new Refusal(401, 'its signature is wrong');

  const [type = '', data = '', eventTime = '', id = '', app = '', version = ''] = values;
  if (app !== appId) throw new Refusal(403, 'its AppId is that of another app');
  if (!/^\w+$/.test(type) || id === '') throw new Refusal(400, 'EventType or EventId is no name');
  const time = readTime(eventTime);
  if (Math.abs(now - time) > maxAgeMs) throw new Refusal(403, 'its EventTime is too far from now');
  return { signature, event: { type, id, time: new Date(time), appId, version, data: readData(type, data) } };
}

/** ISO 8601, or digits: seconds or milliseconds since the epoch. */
function readTime(text: string): number {
  const time = /^\d{10}(\d{3})?$/.test(text) ? Number(text.padEnd(13, '0')) : Number.NaN;
  const read = TIME.test(text) ? Date.parse(text) : time;
  if (Number.isNaN(read)) throw new Refusal(400, 'EventTime is no time');
  return read;
}

function readData(type: string, text: string): unknown {
  const data = parseJson(text) as Fields | null;
  const ids = OF_USER.test(type) ? ['RoomId', 'UserId'] : OF_ROOM.test(type) ? ['RoomId'] : [];
  if (ids.every((name) => typeof data?.[name] === 'string')) return data;
  throw new Refusal(400, `EventData of ${type} lacks ${ids.join(' or ')}`);
}
