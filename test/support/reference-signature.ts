import { createHash, createHmac } from 'node:crypto';
import type { NameValue } from '../../lib/openapi/signature-v4.js';

/** The scope of a signing key. */
export interface CredentialScope {
  /** `YYYYMMDD`, in UTC. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

/** What a signature covers. */
export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  /** In canonical form. */
  readonly query: string;
  /** In any order and case. */
  readonly headers: readonly NameValue[];
  readonly bodySha256: string;
}

/** The canonical form of any request, as the vendor defines it. The library's signer writes that of its own requests. */
export function canonicalRequest({ method, path, query, headers, bodySha256 }: SignableRequest): string {
  const folded = headers
    .map(([name, value]): NameValue => [name.toLowerCase(), value.trim().replaceAll(/\s+/g, ' ')])
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const lines = folded.map(([name, value]) => `${name}:${value}`);
  const names = folded.map(([name]) => name).join(';');
  return [method, path, query, ...lines, '', names, bodySha256].join('\n');
}

/** The signature of any request, as lower-case hexadecimal, by the vendor's description alone. */
export function sign(
  request: SignableRequest,
  xDate: string,
  { date, region, service }: CredentialScope,
  secretAccessKey: string,
): string {
  const scope = [date, region, service, 'request'];
  const key = scope.reduce<Buffer>(hmac, Buffer.from(secretAccessKey));
  const hash = createHash('sha256').update(canonicalRequest(request)).digest('hex');
  return hmac(key, ['HMAC-SHA256', xDate, scope.join('/'), hash].join('\n')).toString('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
