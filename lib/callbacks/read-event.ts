import { createHash } from 'node:crypto';
import { isSameText } from '../privacy/same-text.js';
import { type Fields, Refusal } from './callback-request.js';
import type { EventSettings } from './callback-settings.js';
import { EVENT_TYPE, type RtcCallbackEvent } from './rtc-callback-event.js';

const NAMES = ['EventType', 'EventData', 'EventTime', 'EventId', 'AppId', 'Version'] as const;
/** A time without a zone could be meant in any. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/;
const SIGNATURE = /^[\da-f]{64}$/;

const KNOWN = /^((Invisible)?User(Join|Leave)Room|Room(Create|Destroy))$/;

/**
 * The signature of an event: SHA-256 over the sorted values and the secret, joined without a separator.
 * Source: Volcengine documentation 6348/69820.
 */
export function signEvent(values: readonly (string | Buffer)[], secret: string): string {
  const all = [...values, secret].map((value) => (typeof value === 'string' ? Buffer.from(value) : value));
  return all
    .sort(Buffer.compare)
    .reduce((hash, value) => hash.update(value), createHash('sha256'))
    .digest('hex');
}

/** An event with the signature that it came with. */
export interface SignedEvent {
  readonly event: RtcCallbackEvent;
  readonly signature: string;
  /** A digest of EventType and EventData. */
  readonly content: string;
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
): SignedEvent {
  const read = (name: string): string => {
    const value = fields[name];
    if (typeof value === 'string') return value;
    throw new Refusal(400, `${name} is no string`);
  };
  const values = NAMES.map(read);
  // BytePlus and older pages call it Noce.
  values.push(read(fields['Nonce'] === undefined ? 'Noce' : 'Nonce'));
  const signature = read('Signature');
  // A hash of a large body for each secret: not for what can't be one.
  const bytes = SIGNATURE.test(signature) ? values.map((value) => Buffer.from(value)) : undefined;
  // All secrets are tried, so that the time depends on none.
  const isSigned = secrets.open().map((secret) => bytes && isSameText(signEvent(bytes, secret), signature));
  if (!isSigned.includes(true)) throw new Refusal(401, 'its signature is wrong');

  const [type = '', data = '', eventTime = '', id = '', app = '', version = ''] = values;
  if (app !== appId) throw new Refusal(403, 'its AppId is that of another app');
  if (!EVENT_TYPE.test(type) || id === '') throw new Refusal(400, 'EventType or EventId is no name');
  const time = TIME.test(eventTime) ? Date.parse(eventTime) : Number.NaN;
  if (Number.isNaN(time)) throw new Refusal(400, 'EventTime is no time');
  if (Math.abs(now - time) > maxAgeMs) throw new Refusal(403, 'its EventTime is too far from now');
  const said = JSON.stringify([type, data]);
  const content = createHash('sha256').update(said).digest().toString('base64', 0, 16);
  const event = { type, id, time: new Date(time), appId, version, data: readData(type, data) };
  return { event, signature, content };
}

/** Of a type that is not known, nothing is known: what is no JSON is left as the text that it is. */
function readData(type: string, text: string): unknown {
  const ids = !KNOWN.test(type) ? [] : type.includes('User') ? ['RoomId', 'UserId'] : ['RoomId'];
  try {
    const data = JSON.parse(text) as Fields | null;
    if (ids.every((name) => typeof data?.[name] === 'string')) return data;
  } catch {
    if (ids.length === 0) return text;
  }
  throw new Refusal(400, `EventData of ${type} is no JSON, or lacks ${ids.join(' or ')}`);
}
