import {
  type CredentialScope,
  deriveSigningKey,
  type NameValue,
  scopeText,
  signText,
} from '../../lib/openapi/signature-v4.js';

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

/** The signature of any request, as lower-case hexadecimal. */
export function sign(
  request: SignableRequest,
  xDate: string,
  scope: CredentialScope,
  secretAccessKey: string,
): string {
  const key = deriveSigningKey(secretAccessKey, scope);
  return signText(canonicalRequest(request), xDate, scopeText(scope), key);
}
