import { createHash, randomUUID } from 'node:crypto';
import { request } from 'node:http';

/** An event as the service sends it: all strings, `EventData` a JSON text. */
export interface WireEvent {
  readonly EventType: string;
  readonly EventData: string;
  readonly EventTime: string;
  readonly EventId: string;
  readonly AppId: string;
  readonly Version: string;
  readonly Nonce: string;
  readonly Signature: string;
}

/** As the vendor's page says: the values and the secret, sorted bytewise and joined. */
export function signatureOf(fields: Readonly<Record<string, unknown>>, secret: string): string {
  const names = ['EventType', 'EventData', 'EventTime', 'EventId', 'AppId', 'Version'];
  const values = [...names.map((name) => fields[name]), fields.Nonce ?? fields.Noce, secret];
  const sorted = values.map((value) => Buffer.from(String(value))).sort(Buffer.compare);
  return createHash('sha256').update(Buffer.concat(sorted)).digest('hex');
}

export const APP_ID = '123456781234567812345678';
export const EVENT_SECRET = 'the-secret-of-events';
export const MESSAGE_SECRET = 'the-secret-of-messages';
/** Of a module that receives both at `/events` and `/messages`. */
export const CALLBACK_OPTIONS = {
  appId: APP_ID,
  events: { path: '/events', secrets: [EVENT_SECRET] },
  clientMessages: { path: '/messages', secrets: [MESSAGE_SECRET], maxPerSecond: 1_000 },
};

/** A signed event of a user who joins, unless told otherwise. */
export function wireEvent(
  fields: Partial<Record<keyof WireEvent, unknown>> = {},
  secret = EVENT_SECRET,
): WireEvent {
  const unsigned = {
    EventType: 'UserJoinRoom',
    EventData: JSON.stringify({ RoomId: 'room-1', UserId: 'alice', Timestamp: Date.now() }),
    EventTime: new Date().toISOString(),
    EventId: randomUUID(),
    AppId: APP_ID,
    Version: '2020-12-01',
    Nonce: 'Ab3dEf',
    ...fields,
  };
  return { Signature: signatureOf(unsigned, secret), ...unsigned } as WireEvent;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  readonly text: string;
}

/** Posts as the service does: without a content type, unless one is given. A string or bytes are sent as they are. */
export function postRaw(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> {
  const content = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes,
          text: bytes.toString(),
        });
      });
    });
    sent.on('error', reject);
    sent.end(content);
  });
}
