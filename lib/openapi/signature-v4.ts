import { createHmac, hash } from 'node:crypto';

/**
 * The vendor's HMAC-SHA256 request signature (V4 style).
 * Source: Volcengine documentation 6369/67269 and 6369/67270, whose published example is in the tests.
 */

export const ALGORITHM = 'HMAC-SHA256';

/** Name and value, in the order of sending. */
export type NameValue = readonly [name: string, value: string];

export function sha256Hex(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}

/** `2020-12-30T08:18:05.123Z` → `20201230T081805Z` */
export function toXDate(time: Date): string {
  return `${time.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

/** RFC 3986: everything but letters, digits and `-_.~` is escaped. */
function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Sorted by name before encoding, as in the vendor's SDKs. Values of one name keep their order. */
export function canonicalQuery(parameters: Iterable<NameValue>): string {
  return [...parameters]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${encodeRfc3986(name)}=${encodeRfc3986(value)}`)
    .join('&');
}

/** Block of SHA-256 and length of its result as text, in bytes. */
const BLOCK = 64;
const HEX = 64;

/** What the signatures of one second with one secret have in common. */
export class Stamp {
  readonly xDate: string;
  /** `{date}/{region}/{service}/request`: the scope of the signing key. */
  readonly scope: string;
  readonly #inner: Buffer;
  readonly #outer: Buffer;
  readonly #secretAccessKey: string;

  constructor(
    readonly second: number,
    secretAccessKey: string,
    region: string,
    service: string,
  ) {
    this.#secretAccessKey = secretAccessKey;
    this.xDate = toXDate(new Date(second * 1_000));
    const scope = [this.xDate.slice(0, 8), region, service, 'request'];
    this.scope = scope.join('/');
    const key = scope.reduce<Uint8Array>(hmac, Buffer.from(secretAccessKey));
    const head = Buffer.from(`${ALGORITHM}\n${this.xDate}\n${this.scope}\n`);
    this.#inner = Buffer.concat([padded(key, 0x36), head, Buffer.alloc(HEX)]);
    this.#outer = Buffer.concat([padded(key, 0x5c), Buffer.alloc(HEX / 2)]);
  }

  isOf(second: number, secretAccessKey: string): boolean {
    return second === this.second && secretAccessKey === this.#secretAccessKey;
  }

  /**
   * The signature, as lower-case hexadecimal: the HMAC (RFC 2104) of the string to sign. `createHmac()` takes longer
   * than all hashes of a small request.
   * @param canonical the canonical request: method, path, query, headers, names of the headers, and the body's hash
   */
  sign(canonical: string): string {
    this.#inner.write(sha256Hex(canonical), this.#inner.length - HEX, 'latin1');
    this.#outer.write(hash('sha256', this.#inner, 'binary'), BLOCK, 'latin1');
    return sha256Hex(this.#outer);
  }
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', key).update(text).digest();
}

/** A key, which is shorter than a block, as HMAC mixes it into its hashes. */
function padded(key: Uint8Array, pad: number): Uint8Array {
  return Uint8Array.from({ length: BLOCK }, (_, index) => (key[index] ?? 0) ^ pad);
}
