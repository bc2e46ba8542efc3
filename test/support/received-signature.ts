import { type NameValue, sha256Hex } from '../../lib/openapi/signature-v4.js';
import { sign } from './reference-signature.js';
import type { ReceivedRequest } from './scripted-server.js';

/** Whether a request is signed with this key as it was received: what its signature covers, and no more. */
export function isSignedWith(
  secretAccessKey: string,
  { method, url, headers, body }: ReceivedRequest,
): boolean {
  const [path = '', query = ''] = url.split('?');
  const match =
    /^HMAC-SHA256 Credential=[^/]+\/(\d+)\/([^/]+)\/([^/]+)\/request, SignedHeaders=([^,]+), Signature=(\w+)$/.exec(
      headers.authorization ?? '',
    );
  if (match === null || headers['x-content-sha256'] !== sha256Hex(body)) return false;
  const [, date = '', region = '', service = '', names = '', signature] = match;
  const signed = names.split(';').map((name): NameValue => [name, String(headers[name])]);
  const request = { method, path, query, headers: signed, bodySha256: sha256Hex(body) };
  const scope = { date, region, service };
  return sign(request, String(headers['x-date']), scope, secretAccessKey) === signature;
}
