import { createHmac } from 'node:crypto';

/**
 * The tokens with which clients join rooms and log in.
 * Source: Volcengine documentation 6348/70121, and the vendor's published JavaScript (`rtc-aigc-demo`), which gives the
 * same text.
 */

/** A privilege that a token can grant: `publish` (audio, video and data) or `subscribe`. */
export type TokenPrivilege = 'publish' | 'subscribe';

/** The vendor's numbers of each privilege. */
export const PRIVILEGES: Readonly<Record<TokenPrivilege, readonly number[]>> = {
  publish: [0, 1, 2, 3],
  subscribe: [4],
};

/** The contents of a token. Times are seconds since the epoch. */
export interface TokenClaims {
  /** Makes tokens with equal contents different: 0 to 2³² − 1. */
  readonly nonce: number;
  readonly issuedAt: number;
  readonly expireAt: number;
  /** `*` stands for every room. Empty in a login token. */
  readonly roomId: string;
  readonly userId: string;
  /** When each privilege expires, by the vendor's number. */
  readonly privileges: ReadonlyMap<number, number>;
}

export const ANY_ROOM = '*';
/** Prefix of all tokens. The app's ID follows. */
export const TOKEN_VERSION = '001';

/** Encodes and signs a token. */
export function encodeToken(appId: string, appKey: string, claims: TokenClaims): string {
  const { nonce, issuedAt, expireAt, roomId, userId } = claims;
  const privileges = [...claims.privileges].sort(([a], [b]) => a - b);
  const content = Buffer.concat([
    ...[nonce, issuedAt, expireAt].map(u32),
    ...[roomId, userId].map((text) => withLength(Buffer.from(text))),
    u16(privileges.length),
    ...privileges.flatMap(([privilege, expiresAt]) => [u16(privilege), u32(expiresAt)]),
  ]);
  const signed = Buffer.concat([withLength(content), withLength(signToken(appKey, content))]);
  return `${TOKEN_VERSION}${appId}${signed.toString('base64')}`;
}

export function signToken(appKey: string, content: Uint8Array): Buffer {
  return createHmac('sha256', appKey).update(content).digest();
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([u16(bytes.length), bytes]);
}
