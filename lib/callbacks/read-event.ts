import { hash } from 'node:crypto';
import { isSameText } from '../privacy/same-text.js';
import { type Fields, refuse } from './callback-request.js';
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
export function signEvent(values: readonly string[], secret: string): string {
  const sorted = [...values, secret].map((value) => Buffer.from(value)).sort(Buffer.compare);
  return hash('sha256', Buffer.concat(sorted));
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
 * @throws HttpException
 */
export function readEvent(fields: Fields, appId: string, settings: EventSettings, now: number): SignedEvent {
  const read = (name: string): string => {
    const value = fields[name];
    if (typeof value === 'string') return value;
    refuse(400, `${name} is no string`);
  };
  const values = NAMES.map(read);
  // BytePlus and older pages call it Noce.
  values.push(read(fields['Nonce'] === undefined ? 'Noce' : 'Nonce'));
  const signature = read('Signature');
  // A hash of a large body for each secret: not for what can't be one. All secrets are tried, so that the time depends
  // on none.
  const tried = SIGNATURE.test(signature) ? settings.secrets.open() : [];
  if (!tried.map((secret) => isSameText(signEvent(values, secret), signature)).includes(true))
    refuse(401, 'its signature is wrong');

  const [type = '', data = '', eventTime = '', id = '', app = '', version = ''] = values;
  if (app !== appId) refuse(403, 'its AppId is that of another app');
  if (!EVENT_TYPE.test(type) || id === '') refuse(400, 'EventType or EventId is no name');
  const time = TIME.test(eventTime) ? Date.parse(eventTime) : Number.NaN;
  if (Number.isNaN(time)) refuse(400, 'EventTime is no time');
  if (Math.abs(now - time) > settings.maxAgeMs) refuse(403, 'its EventTime is too far from now');
  const event = { type, id, time: new Date(time), appId, version, data: readData(type, data) };
  return { event, signature, content: hash('sha256', JSON.stringify([type, data]), 'base64url') };
}

function readData(type: string, text: string): unknown {
  const ids = !KNOWN.test(type) ? [] : type.includes('User') ? ['RoomId', 'UserId'] : ['RoomId'];
  let data: unknown = text;
  try {
    data = JSON.parse(text);
  } catch {
    // Of a type that is not known, nothing is known: what is no JSON is left as the text that it is.
  }
  if (ids.every((name) => typeof (data as Fields | null)?.[name] === 'string')) return data;
  refuse(400, `EventData of ${type} is no JSON, or lacks ${ids.join(' or ')}`);
}
