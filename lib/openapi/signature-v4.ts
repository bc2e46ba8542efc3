import { createHmac, hash } from 'node:crypto';

/**
 * The vendor's HMAC-SHA256 request signature (V4 style).
 * Source: Volcengine documentation 6369/67269 and 6369/67270, whose published example is in the tests.
 */

export const ALGORITHM = 'HMAC-SHA256';
const SCOPE_SUFFIX = 'request';

/** Name and value, in the order of sending. */
export type NameValue = readonly [name: string, value: string];

/** `{date}/{region}/{service}/request`: the scope of a signing key. */
export interface CredentialScope {
  /** `YYYYMMDD`, in UTC. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

function hmac(key: string | Uint8Array, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** `2020-12-30T08:18:05.123Z` → `20201230T081805Z` */
export function toXDate(time: Date): string {
  return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** RFC 3986: everything but letters, digits and `-_.~` is escaped. */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Sorted by name before encoding, as in the vendor's SDKs. Values of one name keep their order. */
export function canonicalQuery(parameters: Iterable<NameValue>): string {
  return [...parameters]
    .sort(byName)
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .join('&');
}

export function scopeText({ date, region, service }: CredentialScope): string {
  return `${date}/${region}/${service}/${SCOPE_SUFFIX}`;
}

/** Costs four HMACs. The key is valid for a whole day, see `RequestSigner`. */
export function deriveSigningKey(secretAccessKey: string, scope: CredentialScope): Buffer {
  return hmac(hmac(hmac(hmac(secretAccessKey, scope.date), scope.region), scope.service), SCOPE_SUFFIX);
}

/**
 * Caches the last derived key. A client signs with one secret, one region and one service, and the date changes once a
 * day. Deriving a key costs more than all the rest of a small request's signature.
 */
export class SigningKeyCache {
  #secretAccessKey = '';
  #scope = '';
  #key: Uint8Array = new Uint8Array();

  /** @param text the scope as text, if available */
  get(secretAccessKey: string, scope: CredentialScope, text = scopeText(scope)): Uint8Array {
    if (secretAccessKey !== this.#secretAccessKey || text !== this.#scope) {
      this.#key = deriveSigningKey(secretAccessKey, scope);
      this.#secretAccessKey = secretAccessKey;
      this.#scope = text;
    }
    return this.#key;
  }
}

/**
 * The signature, as lower-case hexadecimal.
 * @param canonical the canonical request: method, path, query, headers, names of the headers, and the body's hash
 * @param scope from {@link scopeText}
 */
export function signText(canonical: string, xDate: string, scope: string, signingKey: Uint8Array): string {
  const stringToSign = `${ALGORITHM}\n${xDate}\n${scope}\n${sha256Hex(canonical)}`;
  return createHmac('sha256', signingKey).update(stringToSign).digest('hex');
}

function byName([a]: NameValue, [b]: NameValue): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
