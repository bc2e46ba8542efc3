import { createHash, createHmac } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import type { RtcEmulator } from 'nestjs-rtc-messaging/emulator';

/** What may be wrong with a request; everything left out is right. */
export interface RawRequestChanges {
  readonly method?: string;
  readonly query?: string;
  readonly body?: string | Buffer;
  /** Sent in place of the body that was signed. */
  readonly sentBody?: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  readonly service?: string;
  readonly xDate?: string;
  /** The date in the credential. */
  readonly scopeDate?: string;
  /** Added to, or with undefined taken from, the headers after signing. */
  readonly headers?: Record<string, string | undefined>;
  /** Headers that are signed, beside host and x-date. */
  readonly signed?: Record<string, string>;
  /** Names of those that are signed, in place of all of these. */
  readonly signedNames?: readonly string[];
  /** What is signed in place of a header's value, … */
  readonly canonical?: Record<string, string>;
  /** … and in place of the query with its parameters sorted. */
  readonly canonicalQuery?: string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly body: any;
}

export const QUERY = 'Action=BatchSendRoomUnicast&Version=2023-07-20';

export function unicastBody(changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    AppId: 'emulator-app',
    RoomId: 'room-1',
    From: 'server',
    To: ['alice'],
    Binary: false,
    Message: 'hello',
    ...changes,
  });
}

/** Writes a request by hand, from the vendor's description alone: the library has no part in it. */
export function sendRaw(emulator: RtcEmulator, changes: RawRequestChanges = {}): Promise<RawAnswer> {
  const { credentials } = emulator.moduleOptions();
  const { method = 'POST', query = QUERY, body = unicastBody(), service = 'rtc', signed = {} } = changes;
  const accessKeyId = changes.accessKeyId ?? credentials.accessKeyId;
  const secretAccessKey = changes.secretAccessKey ?? credentials.secretAccessKey;
  const { host } = new URL(emulator.url);
  const now = new Date(Math.floor(emulator.clock.now() / 1_000) * 1_000);
  const xDate =
    changes.xDate ?? now.toISOString().replaceAll('-', '').replaceAll(':', '').replace('.000', '');

  const headers: Record<string, string> = { host, 'x-date': xDate, ...signed };
  const names = [...(changes.signedNames ?? Object.keys(headers))].sort();
  const canonical = [
    method,
    '/',
    changes.canonicalQuery ?? query.split('&').sort().join('&'),
    ...names.map((name) => `${name}:${changes.canonical?.[name] ?? headers[name]}`),
    '',
    names.join(';'),
    sha256(body),
  ].join('\n');
  const scope = `${changes.scopeDate ?? xDate.slice(0, 8)}/cn-north-1/${service}/request`;
  const key = scope.split('/').reduce<Buffer | string>((key, part) => hmac(key, part), secretAccessKey);
  const signature = hmac(key, `HMAC-SHA256\n${xDate}\n${scope}\n${sha256(canonical)}`).toString('hex');

  return exchange(emulator.url, method, `/?${query}`, changes.sentBody ?? body, {
    'content-type': 'application/json',
    ...headers,
    authorization: `HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
    ...changes.headers,
  });
}

/** Unlike fetch, node:http sends every header as it is told to. */
function exchange(
  origin: string,
  method: string,
  path: string,
  body: string | Buffer,
  headers: Record<string, string | undefined>,
): Promise<RawAnswer> {
  const present = Object.entries(headers).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      origin + path,
      { method, headers: Object.fromEntries(present) },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: parse(text),
          }),
        );
      },
    );
    request.on('error', reject).end(body);
  });
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: Buffer | string, data: string): Buffer => createHmac('sha256', key).update(data).digest();

function parse(text: string): unknown {
  try {
    return JSON.parse(text || 'null');
  } catch {
    return text;
  }
}
