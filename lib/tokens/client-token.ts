import { createHmac } from 'node:crypto';

/** A privilege that a token can grant: `publish` (audio, video and data) or `subscribe`. */
export type TokenPrivilege = 'publish' | 'subscribe';

/** The privileges by the vendor's numbers: publish, with audio, video and data, and subscribe. */
const PRIVILEGES: readonly TokenPrivilege[] = ['publish', 'publish', 'publish', 'publish', 'subscribe'];

/** The contents of a token. Times are seconds since the epoch. */
export interface TokenClaims {
  /** Makes tokens with equal contents different: 0 to 2³² − 1. */
  readonly nonce: number;
  readonly issuedAt: number;
  /** When the token expires, and its privileges. */
  readonly expireAt: number;
  /** `*` stands for every room. Empty in a login token. */
  readonly roomId: string;
  readonly userId: string;
  readonly privileges: readonly TokenPrivilege[];
}

/**
 * Encodes and signs a token, with which a client joins rooms or logs in.
 * Source: Volcengine documentation 6348/70121, and the vendor's published JavaScript (`rtc-aigc-demo`), which gives the
 * same text.
 */
export function encodeToken(appId: string, appKey: string, claims: TokenClaims): string {
  const { nonce, issuedAt, expireAt, roomId, userId, privileges } = claims;
  const granted = PRIVILEGES.flatMap((name, number) => (privileges.includes(name) ? [number] : []));
  const content = Buffer.concat([
    ...[nonce, issuedAt, expireAt].map((number) => unsigned(number, 4)),
    ...[roomId, userId].map((text) => withLength(Buffer.from(text))),
    unsigned(granted.length, 2),
    ...granted.flatMap((number) => [unsigned(number, 2), unsigned(expireAt, 4)]),
  ]);
  const signature = createHmac('sha256', appKey).update(content).digest();
  return `001${appId}${Buffer.concat([content, signature].map(withLength)).toString('base64')}`;
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([unsigned(bytes.length, 2), bytes]);
}

/** A little-endian number. */
function unsigned(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(value, 0, size);
  return bytes;
}
